//! Loop devices and mounted file systems, where this machine and the user have them.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use snf_image_testkit::loop_device::Loop;
use snf_image_testkit::tool::Tool;

/// A device over a file, with sectors of so many bytes; `None`, and a word about it, where there are
/// no loop devices.
pub(crate) fn device_over(file: &Path, sector: u64) -> Option<Loop> {
    Loop::with_sectors(file, sector)
        .inspect_err(|error| eprintln!("skipped, no loop device: {error}"))
        .ok()
}

/// A mounted file system, unmounted when it goes.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    /// What mount(8) makes of these arguments and a directory; `None`, and a word about it, where the
    /// user may not mount.
    pub(crate) fn at(directory: &Path, arguments: &[&str]) -> Option<Self> {
        let mount = Tool::new("mount").args(arguments).arg(directory).run();
        match mount {
            Ok(_) => Some(Mounted(directory.to_owned())),
            Err(error) => {
                eprintln!("skipped, cannot mount: {error}");
                None
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Tool::new("umount").arg(&self.0).run();
    }
}
