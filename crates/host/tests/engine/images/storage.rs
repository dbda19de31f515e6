//! Loop devices, and file systems on them.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A loop device, detached when it goes.
pub(crate) struct Loop(pub(crate) PathBuf);

impl Loop {
    /// A device of so many bytes over the new file `backing`; `None`, and a word about it, where
    /// the machine or the user has no loop devices.
    pub(crate) fn over(backing: &Path, length: u64, sector: u32) -> Option<Self> {
        File::create(backing).unwrap().set_len(length).unwrap();
        let mut losetup = Command::new("losetup");
        losetup.args(["--find", "--show", "--sector-size", &sector.to_string()]);
        let output = losetup.arg(backing).output().unwrap();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            eprintln!("skipped, no loop device: {said}");
            return None;
        }
        let device = String::from_utf8(output.stdout).unwrap();
        Some(Loop(device.trim().into()))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup")
            .arg("--detach")
            .arg(&self.0)
            .status();
    }
}

/// A mounted file system on a device of its own, unmounted when it goes.
pub(crate) struct Mounted {
    at: PathBuf,
    _device: Loop,
}

impl Mounted {
    /// One that `mkfs` makes; it needs a directory to put its backing file and its root in.
    pub(crate) fn new(directory: &Path, mkfs: &[&str], length: u64) -> Option<Self> {
        let (program, arguments) = mkfs.split_first().unwrap();
        let backing = directory.join(format!("{program}.storage"));
        let device = Loop::over(&backing, length, 512)?;
        let made = Command::new(program)
            .args(arguments)
            .arg(&device.0)
            .output();
        let made = made.unwrap();
        assert!(made.status.success(), "{made:?}");
        let at = directory.join(program);
        std::fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount").arg(&device.0).arg(&at).output();
        let mounted = mounted.unwrap();
        if !mounted.status.success() {
            eprintln!("skipped, cannot mount: {mounted:?}");
            return None;
        }
        Some(Mounted {
            at,
            _device: device,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.at
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.at).status();
    }
}
