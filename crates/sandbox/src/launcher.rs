//! The process between the host and a confined program: it starts the one for the other.
//!
//! Only a process with a single thread can safely fork and go on working, so the host does
//! not confine a child itself: it runs its own executable again, under [`NAME`], and sends
//! the [`Spec`] with the descriptors over a socket that is the launcher's standard input.
//! That same socket then carries orders one way and the end of the program the other way.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::unistd::ForkResult;
use rustix::process::{Pid, PidfdFlags};

use crate::error::{ConfineError, Doing};
use crate::namespaces::Left;
use crate::spec::Spec;
use crate::supervisor::{self, Program};
use crate::wire::{self, Message, ToRun};
use crate::{attendant, child, descriptors, limits, namespaces};

/// The name (argv\[0\]) under which an executable must call [`main`] at once.
pub const NAME: &str = "snf-image-launcher";

/// Whether this process was started to be the launcher.
#[must_use]
pub fn is_launcher(argv0: &OsStr) -> bool {
    argv0 == NAME
}

/// Runs the launcher. To be called first of all, while there is only one thread.
pub fn main() -> ! {
    let control = io::stdin();
    let code = match run(&control) {
        Ok(()) => 0,
        Err(error) => {
            let reason = error.to_string();
            // When the host is gone there is nobody left to be told.
            let _ = wire::tell(&control, &Message::Failed { reason });
            1
        }
    };
    std::process::exit(code)
}

fn run(control: &io::Stdin) -> Result<(), ConfineError> {
    descriptors::close_inherited()?;
    // Out of the terminal's reach: a Ctrl-C there is the host's to answer.
    nix::unistd::setsid().doing("starting a session")?;
    let (message, received) = wire::receive(control).doing("reading what to run")?;
    let to_run: ToRun = serde_json::from_slice(&message)
        .map_err(|_| ConfineError::Message("description of what to run"))?;
    let status = match &to_run {
        ToRun::Confined(spec) => {
            limits::open_files()?;
            let passed = descriptors::place(received)?;
            let left = namespaces::leave(spec.network);
            let (program, notes) = start(spec, passed, left)?;
            watch(control, &program, notes)?
        }
        ToRun::Attended(program) => {
            let program = attendant::start(program)?;
            let watched = watch(control, &program, Vec::new());
            // However it ended: what the program started does not know that the host is gone.
            attendant::end_orphans();
            watched?
        }
    };
    wire::tell(control, &Message::Ended { status }).doing("reporting the end")
}

/// Reports the start and watches until the end, whose status of waitpid(2) it gives.
fn watch(control: &io::Stdin, program: &Program, notes: Vec<String>) -> Result<i32, ConfineError> {
    wire::tell(control, &Message::Started { notes }).doing("reporting the start")?;
    supervisor::watch(control.as_fd(), program)
}

/// Forks the child, waits until it has become the program, and keeps none of its descriptors.
fn start(
    spec: &Spec,
    passed: Vec<OwnedFd>,
    left: Left,
) -> Result<(Program, Vec<String>), ConfineError> {
    let (ours, theirs) = wire::pair().doing("making a socket pair")?;
    // SAFETY: this process has one thread (see `main`), so the child may do all that its
    // parent may.
    match unsafe { nix::unistd::fork() }.doing("forking")? {
        ForkResult::Child => {
            drop(ours);
            child::run(spec, &passed, &theirs, left)
        }
        ForkResult::Parent { child } => {
            drop((theirs, passed));
            let pid = Pid::from_raw(child.as_raw()).ok_or(ConfineError::Gone("child"))?;
            let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())
                .doing("opening the child's pidfd")?;
            let notes = await_program(&ours)?;
            let program = Program {
                pid,
                pidfd,
                leads_group: false,
            };
            Ok((program, notes))
        }
    }
}

/// The child reports that its barriers stand, gets its answer, and closes its end by exec.
fn await_program(child: &OwnedFd) -> Result<Vec<String>, ConfineError> {
    let notes = match wire::hear(child).doing("waiting for the child")? {
        Some(Message::Started { notes }) => notes,
        Some(Message::Failed { reason }) => return Err(ConfineError::Reported(reason)),
        _ => return Err(ConfineError::Gone("child")),
    };
    wire::send(child, b"go", &[]).doing("answering the child")?;
    match wire::hear(child).doing("waiting for the program")? {
        None => Ok(notes),
        Some(Message::Failed { reason }) => Err(ConfineError::Reported(reason)),
        Some(_) => Err(ConfineError::Message("child's report")),
    }
}
