//! The process that puts up the barriers around itself and then becomes the program.
// SPDX-License-Identifier: BSD-2-Clause

use std::convert::Infallible;
use std::fs::OpenOptions;
use std::os::fd::OwnedFd;

use crate::error::{ConfineError, Doing};
use crate::namespaces::{self, Left};
use crate::spec::Spec;
use crate::wire::{self, Message};
use crate::{descriptors, environment, filesystem, ids, limits, parent_death, privileges};

/// Becomes the program or tells the launcher why not, and ends.
pub(crate) fn run(spec: &Spec, passed: &[OwnedFd], launcher: &OwnedFd, left: Left) -> ! {
    let Err(error) = confine(spec, passed, launcher, left);
    let reason = error.to_string();
    // When the launcher is gone there is nobody left to be told.
    let _ = wire::tell(launcher, &Message::Failed { reason });
    std::process::exit(127)
}

fn confine(
    spec: &Spec,
    passed: &[OwnedFd],
    launcher: &OwnedFd,
    left: Left,
) -> Result<Infallible, ConfineError> {
    nix::unistd::setsid().doing("starting a session")?;
    let null = OpenOptions::new()
        .read(true)
        .open("/dev/null")
        .doing("opening /dev/null")?;
    let mut notes = left.notes;
    let has_own_places = spec.own_places && left.may_mount;
    if has_own_places {
        namespaces::mount_own_places()?;
    }
    let rules = filesystem::prepare(spec, has_own_places)?;
    privileges::bound()?;
    ids::drop_root(&spec.user)?;
    privileges::give_up()?;
    limits::set(&spec.limits)?;
    notes.extend(filesystem::restrict(rules)?);
    parent_death::arm(launcher, notes)?;
    descriptors::keep(passed)?;
    Err(environment::execute(spec, null))
}
