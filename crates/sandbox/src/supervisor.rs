//! The launcher's second half: orders from the host to the program, its end back to the host.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, pidfd_send_signal, waitpid};

use crate::error::{ConfineError, Doing};
use crate::wire::{self, KILL, TERMINATE};

/// The running program. A pidfd never means another process, however often a number is reused.
pub(crate) struct Program {
    pub(crate) pid: Pid,
    pub(crate) pidfd: OwnedFd,
    /// Whether signals go to its process group too.
    pub(crate) leads_group: bool,
}

/// Watches until the program has ended and gives its status of waitpid(2). A host that is
/// gone, even by SIGKILL, shows as the end of its socket, and takes the program with it.
pub(crate) fn watch(control: BorrowedFd<'_>, program: &Program) -> Result<i32, ConfineError> {
    let mut host_is_there = true;
    loop {
        let mut watched = vec![PollFd::new(&program.pidfd, PollFlags::IN)];
        if host_is_there {
            watched.push(PollFd::from_borrowed_fd(control, PollFlags::IN));
        }
        rustix::io::retry_on_intr(|| poll(&mut watched, None)).doing("watching the program")?;
        let ready: Vec<bool> = watched.iter().map(|fd| !fd.revents().is_empty()).collect();
        if ready.first() == Some(&true) {
            break;
        }
        if ready.get(1) == Some(&true) {
            host_is_there = obey(control, program);
        }
    }
    let ended = rustix::io::retry_on_intr(|| waitpid(Some(program.pid), WaitOptions::empty()));
    let (_, status) = ended
        .doing("waiting for the program")?
        .ok_or(ConfineError::Gone("program"))?;
    Ok(status.as_raw())
}

/// Takes one order. False when no more will come, and the program has been killed.
fn obey(control: BorrowedFd<'_>, program: &Program) -> bool {
    let order = wire::receive(control).map(|(order, _)| order);
    let signal = match order.as_deref() {
        Ok([TERMINATE]) => Signal::TERM,
        Ok([KILL]) => Signal::KILL,
        _ => {
            signal(program, Signal::KILL);
            return false;
        }
    };
    self::signal(program, signal);
    true
}

fn signal(program: &Program, signal: Signal) {
    // Fails only when the program has just ended, which is what the caller waits for.
    let _ = if program.leads_group {
        // Nobody has waited for it yet, so its number is its own.
        kill_process_group(program.pid, signal)
    } else {
        pidfd_send_signal(&program.pidfd, signal)
    };
}
