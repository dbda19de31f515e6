//! Runs a program that neither we nor the administrator brought, apart from everything but the
//! mounted image.
//!
//! The helper starts itself once more, [`OUTSIDE`]: that process leaves for name spaces of its own,
//! makes the view of the file system that the program gets, and starts itself again, [`INSIDE`],
//! as the first process there. That one gives up what it may do, and becomes the program. When it
//! ends, the kernel ends everything that it has started.
// SPDX-License-Identifier: BSD-2-Clause

mod powers;
mod view;

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use nix::sched::{CloneFlags, unshare};
use rustix::process::{Signal, set_parent_process_death_signal, setsid, umask};
use snf_image_protocol::MAX_PROGRAM;

use crate::error::{Doing, Error, Result};

/// The word with which the helper starts itself to leave for name spaces: then come where the
/// image is mounted and the program's arguments. The program itself is the standard input.
pub const OUTSIDE: &str = "--confined";

/// The word with which that process starts itself as the first one inside.
const INSIDE: &str = "--confined-inside";

/// The program file that is running.
const OURSELVES: &str = "/proc/self/exe";

/// The exit code of a program that could not be started, as a shell says it.
const NOT_STARTED: u8 = 126;

/// Name spaces of its own: processes, mounts, System V objects, the host name, an empty network,
/// control groups.
const NAME_SPACES: CloneFlags = CloneFlags::CLONE_NEWPID
    .union(CloneFlags::CLONE_NEWNS)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWUTS)
    .union(CloneFlags::CLONE_NEWNET)
    .union(CloneFlags::CLONE_NEWCGROUP);

/// Does what the first argument says, if it is one of the two words.
pub fn main(arguments: &[OsString]) -> Option<ExitCode> {
    let (word, rest) = arguments.split_first()?;
    let result = match (word.to_str()?, rest) {
        (OUTSIDE, [target, arguments @ ..]) => outside(Path::new(target), arguments),
        (INSIDE, arguments) => inside(arguments).map(|never| match never {}),
        _ => return None,
    };
    Some(match result {
        Ok(code) => code.into(),
        Err(error) => {
            crate::channel::console(&error.to_string());
            NOT_STARTED.into()
        }
    })
}

/// Makes name spaces and the view, and waits for the program.
fn outside(target: &Path, arguments: &[OsString]) -> Result<u8> {
    let mut program = Vec::new();
    let limit = u64::try_from(MAX_PROGRAM).unwrap_or(u64::MAX);
    io::stdin()
        .take(limit)
        .read_to_end(&mut program)
        .doing(|| "reading the program".into())?;
    powers::be_the_first_to_go()?;
    unshare(NAME_SPACES).doing(|| "leaving for name spaces".into())?;
    view::make(target, &program)?;
    let status = Command::new(OURSELVES)
        .arg(INSIDE)
        .args(arguments)
        .stdin(Stdio::null())
        .status()
        .doing(|| "starting the first process inside".into())?;
    Ok(match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(NOT_STARTED),
        (None, signal) => u8::try_from(signal.unwrap_or(0).saturating_add(128)).unwrap_or(u8::MAX),
    })
}

enum Never {}

/// Becomes the program.
fn inside(arguments: &[OsString]) -> Result<Never> {
    let doing = || "getting ready inside".to_owned();
    set_parent_process_death_signal(Some(Signal::KILL)).doing(doing)?;
    setsid().doing(doing)?;
    umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
    std::env::set_current_dir("/").doing(doing)?;
    view::mount_proc()?;
    powers::give_up()?;
    let program = OsStr::new(view::PROGRAM);
    let error = Command::new(program).args(arguments).exec();
    let error = match error.kind() {
        io::ErrorKind::NotFound => Error::image(
            "the program cannot be run: the helper does not have its interpreter. The small helper has \
             /bin/sh alone, one built with HELPER_BUILDER=debootstrap has those of a Debian",
        ),
        _ => Error::Io {
            doing: "starting the program".into(),
            source: error,
        },
    };
    Err(error)
}
