//! ISO 9660, which is only ever read.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;

use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::disk::modules;
use crate::error::{Doing, Error, Result};

/// Does some work on what a disk with ISO 9660 holds, mounted at a directory, which is made.
///
/// # Errors
/// When the disk holds something else, the kernel does not know it, or the work fails.
pub fn with<T>(device: &Path, point: &Path, work: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    fs::create_dir_all(point).doing(|| format!("making {}", point.display()))?;
    modules::load("isofs")?;
    let flags = MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID | MountFlags::NOEXEC;
    match mount(device, point, "iso9660", flags, None) {
        Err(Errno::NODEV) => {
            return Err(Error::image(
                "the kernel of this helper does not know ISO files: build the helper again with: \
                 snf-image helper build, or give a directory with what the ISO file holds",
            ));
        }
        result => result.doing(|| format!("mounting the ISO file on {}", device.display()))?,
    }
    let done = work(point);
    let unmounted =
        unmount(point, UnmountFlags::NOFOLLOW).doing(|| format!("unmounting {}", point.display()));
    done.and_then(|done| unmounted.map(|()| done))
}
