//! The machine's disks behind the target: opened and locked like it, and never written here.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;

use rustix::fs::{Mode, OFlags, open};

use super::{DeployError, machine};
use crate::request::OtherDisk;
use crate::target::{Target, TargetError};
use crate::vm::Disk;

/// A disk for the helper, open as long as this lives.
pub(super) enum Opened {
    Writable(Target),
    ReadOnly(File),
}

/// Opens all of them.
///
/// # Errors
/// When one is missing, in use, or neither a block device nor a regular file.
pub(super) fn open_all(disks: &[OtherDisk]) -> Result<Vec<Opened>, DeployError> {
    disks.iter().map(|disk| Ok(open_one(disk)?)).collect()
}

fn open_one(disk: &OtherDisk) -> Result<Opened, TargetError> {
    let failed = |error: io::Error| TargetError::Open {
        path: disk.path.clone(),
        error,
    };
    // Opening a target that is not there would make it.
    let kind = std::fs::metadata(&disk.path).map_err(failed)?.file_type();
    if !disk.read_only {
        return Ok(Opened::Writable(Target::open(&disk.path, None, None)?));
    }
    if let Some(what) = crate::source::unfit(kind) {
        return Err(TargetError::Unfit {
            path: disk.path.clone(),
            what,
        });
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = open(&disk.path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
    Ok(Opened::ReadOnly(file.into()))
}

impl Opened {
    /// The disk as the helper VM gets it.
    pub(super) fn disk(&self) -> Result<Disk, DeployError> {
        match self {
            Opened::Writable(target) => machine::disk(target),
            Opened::ReadOnly(file) => Ok(Disk {
                file: file.try_clone().map_err(DeployError::Descriptor)?,
                read_only: true,
            }),
        }
    }

    /// Brings what the helper wrote to stable storage.
    pub(super) fn flush(&self) -> Result<(), TargetError> {
        match self {
            Opened::Writable(target) => target.flush(),
            Opened::ReadOnly(_) => Ok(()),
        }
    }
}
