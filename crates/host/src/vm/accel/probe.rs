//! Tries KVM: QEMU itself runs a counting loop in it, confined as the helper is.
//!
//! Where a guest's instructions are emulated by the host's kernel, one takes hundreds of
//! nanoseconds instead of less than one, and a guest that boots would seem to hang.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;
use snf_image_sandbox::Descriptors;

use super::{Accelerator, Node};
use crate::vm::command_line::{base, serial};
use crate::vm::launch::Emulator;
use crate::vm::{harmless, ports};

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

/// Gives the reason to trust KVM, or the reason not to.
pub(super) fn run(node: &Node<'_>, kvm: &Accelerator) -> Result<String, String> {
    measure(node, kvm).map_or_else(
        |error| Err(format!("KVM could not be tried: {error}")),
        |time| match time {
            Ok(time) => Ok(format!("{} instructions took {time:.1?}", 2 * ROUNDS)),
            Err(reason) => Err(reason),
        },
    )
}

/// The time that the loop took, or in what way KVM does not work.
fn measure(node: &Node<'_>, kvm: &Accelerator) -> io::Result<Result<Duration, String>> {
    let (ours, theirs) = ports::pair()?;
    let (mut errors, stderr) = io::pipe()?;
    let mut descriptors = Descriptors::default();
    let firmware = descriptors.add(firmware_file()?);
    let port = descriptors.add(theirs);
    let mut arguments = base(kvm.kind, 16);
    arguments.extend(["-bios".into(), format!("/proc/self/fd/{firmware}")]);
    arguments.extend(serial("mark", port));
    let emulator = Emulator {
        qemu: node.qemu,
        user: node.user,
        launcher: node.launcher,
        accelerator: kvm,
    };
    let confined = emulator
        .start(
            arguments,
            &descriptors,
            &[firmware],
            Some(0),
            Stdio::from(stderr),
        )
        .map_err(io::Error::other)?;
    drop(descriptors);
    let mut ours = File::from(ours);
    let time = time_between_marks(&mut ours)?;
    drop(confined);
    time.map_or_else(
        |reason| {
            let mut said = Vec::new();
            Read::by_ref(&mut errors)
                .take(4096)
                .read_to_end(&mut said)?;
            let said = said.trim_ascii().split(|byte| *byte == b'\n').next_back();
            let said = said.filter(|line| !line.is_empty());
            Ok(Err(said.map_or(reason.clone(), |line| {
                format!("{reason} ({})", harmless(line, 300))
            })))
        },
        |time| Ok(Ok(time)),
    )
}

/// The loop says `A` on its serial port when it begins and `B` when it is through.
fn time_between_marks(port: &mut File) -> io::Result<Result<Duration, String>> {
    if !marked(port, b'A', START_LIMIT)? {
        return Ok(Err("a guest in KVM does not start".into()));
    }
    let begun = Instant::now();
    if !marked(port, b'B', LOOP_LIMIT)? {
        return Ok(Err(format!(
            "a guest in KVM crawls: {} instructions took more than {LOOP_LIMIT:.1?}",
            2 * ROUNDS
        )));
    }
    Ok(Ok(begun.elapsed()))
}

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
