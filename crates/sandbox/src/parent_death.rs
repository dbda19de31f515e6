//! Barrier: the program never outlives its launcher, nor the launcher its host.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::fd::AsFd;

use rustix::process::Signal;

use crate::error::{ConfineError, Doing};
use crate::wire::{self, Message};

/// Asks the kernel for SIGKILL when the launcher ends, then makes sure that it had not ended
/// before: it must answer. Every change of ids would undo the first, so it comes after them.
pub(crate) fn arm(launcher: impl AsFd, notes: Vec<String>) -> Result<(), ConfineError> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .doing("binding the program's life to its launcher's")?;
    wire::tell(&launcher, &Message::Started { notes }).doing("reporting to the launcher")?;
    let (answer, _) = wire::receive(&launcher).doing("waiting for the launcher")?;
    if answer.is_empty() {
        return Err(ConfineError::Gone("launcher"));
    }
    Ok(())
}
