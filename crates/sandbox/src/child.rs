//! The process that puts up the barriers around itself and then becomes the program.
// SPDX-License-Identifier: BSD-2-Clause

use std::convert::Infallible;
use std::fs::OpenOptions;
use std::os::fd::OwnedFd;

use crate::error::{ConfineError, Doing};
use crate::spec::Spec;
use crate::wire::{self, Message};
use crate::{descriptors, environment, filesystem, ids, limits, parent_death, privileges};

/// Becomes the program or tells the launcher why not, and ends.
pub(crate) fn run(spec: &Spec, passed: &[OwnedFd], launcher: &OwnedFd, notes: Vec<String>) -> ! {
    let Err(error) = confine(spec, passed, launcher, notes);
    let reason = error.to_string();
    // When the launcher is gone there is nobody left to be told.
    let _ = wire::tell(launcher, &Message::Failed { reason });
    std::process::exit(127)
}

fn confine(
    spec: &Spec,
    passed: &[OwnedFd],
    launcher: &OwnedFd,
    mut notes: Vec<String>,
) -> Result<Infallible, ConfineError> {
    nix::unistd::setsid().doing("starting a session")?;
    let null = OpenOptions::new()
        .read(true)
        .open("/dev/null")
        .doing("opening /dev/null")?;
    let rules = filesystem::prepare(spec)?;
    privileges::bound()?;
    ids::drop_root(&spec.user)?;
    privileges::give_up()?;
    limits::set(&spec.limits)?;
    notes.extend(filesystem::restrict(rules)?);
    parent_death::arm(launcher, notes)?;
    descriptors::keep(passed)?;
    Err(environment::execute(spec, null))
}
