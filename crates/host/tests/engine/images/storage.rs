//! File systems on devices of their own.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::path::Path;

use snf_image_testkit::loop_device::Loop;
use snf_image_testkit::tool::Tool;

use crate::storage::{Mounted, device_over};

/// A device of so many bytes over the new file `backing`, where the machine has any.
pub(crate) fn device(backing: &Path, length: u64, sector: u64) -> Option<Loop> {
    File::create(backing).unwrap().set_len(length).unwrap();
    device_over(backing, sector)
}

/// A mounted file system and its device.
pub(crate) struct Formatted {
    // In this order: what is mounted holds the device.
    mounted: Mounted,
    _device: Loop,
}

impl Formatted {
    /// One that `mkfs` makes; it needs a directory to put its backing file and its root in.
    pub(crate) fn new(directory: &Path, mkfs: &[&str], length: u64) -> Option<Self> {
        let (program, arguments) = mkfs.split_first().unwrap();
        let device = device(&directory.join(format!("{program}.storage")), length, 512)?;
        let mkfs = Tool::new(program).args(arguments).arg(device.name());
        mkfs.run().unwrap();
        let root = directory.join(program);
        fs::create_dir(&root).unwrap();
        Some(Formatted {
            mounted: Mounted::at(&root, &[device.name()])?,
            _device: device,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.mounted.path()
    }
}
