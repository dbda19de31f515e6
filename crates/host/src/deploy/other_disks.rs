//! The machine's disks behind the target: opened and locked like it, and never written here.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags, ioctl_blksszget, open};

use super::{DeployError, Deployment, machine};
use crate::request::OtherDisk;
use crate::target::{Handle, Location, Target, TargetError};
use crate::vm::Disk;

/// A disk for the helper, open as long as this lives.
pub(super) enum Opened {
    Writable(Target),
    ReadOnly(File, u32),
    /// Behind a URI, and only read.
    Remote(Target),
}

impl Deployment<'_> {
    /// Opens all of them.
    ///
    /// # Errors
    /// When one is missing, in use, neither a block device nor a regular file, or cannot be reached.
    pub(super) fn open_other_disks(&self) -> Result<Vec<Opened>, DeployError> {
        let open = |disk: &OtherDisk| match &disk.location {
            Location::Path(path) => Ok(open_one(path, disk.read_only)?),
            Location::Uri(uri) => {
                let program = machine::exporter(self.settings)?;
                let target = Target::reach(uri, disk.read_only, None, None, &program, self.cancel)?;
                Ok(if disk.read_only {
                    Opened::Remote(target)
                } else {
                    Opened::Writable(target)
                })
            }
        };
        self.request.other_disks.iter().map(open).collect()
    }
}

fn open_one(path: &Path, read_only: bool) -> Result<Opened, TargetError> {
    let failed = |error: io::Error| TargetError::Open {
        path: path.into(),
        error,
    };
    // Opening a target that is not there would make it.
    let kind = std::fs::metadata(path).map_err(failed)?.file_type();
    if !read_only {
        return Ok(Opened::Writable(Target::open(path, None, None)?));
    }
    if let Some(what) = crate::source::unfit(kind) {
        return Err(TargetError::Unfit {
            path: path.into(),
            what,
        });
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
    let sector = if kind.is_block_device() {
        ioctl_blksszget(&file).map_err(|errno| failed(errno.into()))?
    } else {
        512
    };
    Ok(Opened::ReadOnly(file.into(), sector))
}

impl Opened {
    /// The disk as the helper VM gets it.
    pub(super) fn disk(&self) -> Result<Disk, DeployError> {
        match self {
            Opened::Writable(target) => machine::disk(target, false),
            Opened::Remote(target) => machine::disk(target, true),
            Opened::ReadOnly(file, sector) => Ok(Disk {
                handle: Handle::File(file.try_clone().map_err(DeployError::Descriptor)?),
                read_only: true,
                sector: *sector,
            }),
        }
    }

    /// Brings what the helper wrote to stable storage.
    pub(super) fn flush(&self) -> Result<(), TargetError> {
        match self {
            Opened::Writable(target) => target.flush(),
            Opened::ReadOnly(..) | Opened::Remote(_) => Ok(()),
        }
    }
}
