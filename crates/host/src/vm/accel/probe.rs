//! Tries KVM: QEMU itself runs a counting loop in it, confined as the helper is.
//!
//! Where a guest's instructions are emulated by the host's kernel, one takes hundreds of
//! nanoseconds instead of less than one, and a guest that boots would seem to hang.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;
use snf_image_sandbox::Descriptors;

use super::{Accelerator, Kind, Node};
use crate::text::excerpt;
use crate::vm::command_line::{base, serial};
use crate::vm::launch::Emulator;
use crate::vm::ports;

/// How often the loop runs; each time takes two instructions.
const ROUNDS: u32 = 4_000_000;
/// What the loop may take: 25 ns per instruction. Hardware needs below 1 ns, a host's kernel
/// that emulates more than 200 ns.
const LOOP_LIMIT: Duration = Duration::from_millis(200);
/// What QEMU may take to come to the loop's start.
const START_LIMIT: Duration = Duration::from_secs(5);
/// The size of the firmware, in bytes; QEMU wants a multiple of this.
const FIRMWARE: usize = 64 * 1024;
/// Where in the last 64 KiB below 4 GiB an x86 processor begins.
const RESET_VECTOR: usize = 0xfff0;

/// What came of it, and the reason in words.
pub(super) struct Trial {
    pub(super) kind: Kind,
    pub(super) reason: String,
}

/// Tries KVM.
///
/// # Errors
/// When nothing was found out about it.
pub(super) fn run(node: &Node<'_>, kvm: &Accelerator) -> io::Result<Trial> {
    let (ours, theirs) = ports::pair()?;
    let (errors, stderr) = io::pipe()?;
    let mut descriptors = Descriptors::default();
    let firmware = descriptors.add(firmware_file()?);
    let mut arguments = base(kvm.kind, 16);
    arguments.extend(["-bios".into(), format!("/proc/self/fd/{firmware}")]);
    arguments.extend(serial("mark", descriptors.add(theirs)));
    let emulator = Emulator {
        qemu: node.qemu,
        user: node.user,
        launcher: node.launcher,
        accelerator: kvm,
    };
    // Landlock lets pass, and takes no rule for, a file that has no place in any tree.
    let confined = emulator
        .start(arguments, &descriptors, &[], Some(0), stderr.into())
        .map_err(io::Error::other)?;
    drop(descriptors);
    let mut port = File::from(ours);
    if !marked(&mut port, b'A', START_LIMIT)? {
        drop(confined);
        let reason = format!("a guest in KVM does not start: {}", last_line(errors)?);
        return Ok(Trial {
            kind: Kind::Tcg,
            reason,
        });
    }
    let begun = Instant::now();
    let is_through = marked(&mut port, b'B', LOOP_LIMIT)?;
    let time = begun.elapsed();
    let count = 2 * ROUNDS;
    Ok(if is_through {
        Trial {
            kind: Kind::Kvm,
            reason: format!("{count} instructions took {time:.1?}"),
        }
    } else {
        Trial {
            kind: Kind::Tcg,
            reason: format!(
                "a guest in KVM crawls: {count} instructions took more than {LOOP_LIMIT:.1?}"
            ),
        }
    })
}

/// The last line that QEMU, which has ended, wrote to its standard error.
fn last_line(errors: PipeReader) -> io::Result<String> {
    let mut said = Vec::new();
    errors.take(16 * 1024).read_to_end(&mut said)?;
    let last = said.trim_ascii().split(|byte| *byte == b'\n').next_back();
    Ok(excerpt(last.unwrap_or_default(), 300))
}

/// Whether the firmware says `mark` on its serial port in time: `A` when the loop begins, `B`
/// when it is through.
fn marked(port: &mut File, mark: u8, limit: Duration) -> io::Result<bool> {
    let limit = Timespec::try_from(limit).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut watched = [PollFd::new(port, PollFlags::IN)];
    if rustix::io::retry_on_intr(|| poll(&mut watched, Some(&limit)))? == 0 {
        return Ok(false);
    }
    let mut byte = [0];
    Ok(port.read(&mut byte)? == 1 && byte == [mark])
}

fn firmware_file() -> io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create("snf-image-probe", MemfdFlags::CLOEXEC)?;
    let mut file = File::from(file);
    file.write_all(&firmware())?;
    Ok(file.into())
}

/// 16-bit code for the start of segment 0xf000, and a jump to it at the reset vector.
fn firmware() -> Vec<u8> {
    let mut code = vec![
        0xba, 0xf8, 0x03, // mov dx, 0x3f8 (the first serial port)
        0xb0, b'A', 0xee, // mov al, 'A'; out dx, al
        0x66, 0xb9, // mov ecx, ROUNDS
    ];
    code.extend(ROUNDS.to_le_bytes());
    code.extend([
        0x66, 0x49, // dec ecx
        0x75, 0xfc, // jnz to the dec
        0xb0, b'B', 0xee, // mov al, 'B'; out dx, al
        0xfa, 0xf4, // cli; hlt
    ]);
    code.resize(RESET_VECTOR, 0xf4);
    code.extend([0xea, 0x00, 0x00, 0x00, 0xf0]); // jmp 0xf000:0
    code.resize(FIRMWARE, 0xf4);
    code
}
