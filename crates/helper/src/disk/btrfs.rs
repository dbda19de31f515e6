//! Btrfs: its devices, how large this one is in it, and growing it while it is mounted.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use crate::disk::bytes::{array, is_at, u64_at};
use crate::disk::device;
use crate::disk::fit::Fit;
use crate::error::{Error, Result};
use crate::run::program;

/// Where the superblock lies, in bytes; this and what follows: Linux,
/// include/uapi/linux/btrfs_tree.h, `struct btrfs_super_block`.
const OFFSET: usize = 0x1_0000;
const LENGTH: u64 = 0x1_1000;
const ID: usize = 0x20;
const MAGIC: usize = 0x40;
const DEVICES: usize = 0x88;
/// The item of this device: its number, and its size in the file system.
const DEVICE_ID: usize = 0xc9;
const DEVICE_SIZE: usize = 0xd1;
/// The kernel takes whole sectors of this size, in bytes.
const SECTOR: u64 = 4096;
/// More devices than any image has, as a bound.
const MAX_DEVICES: usize = 64;

/// What is needed of a superblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superblock {
    /// What all devices of one file system share.
    pub id: [u8; 16],
    /// How many devices it has.
    pub devices: u64,
    device_id: u64,
    device_size: u64,
}

impl Superblock {
    /// Reads the superblock out of the first 68 KiB.
    #[must_use]
    pub fn parse(head: &[u8]) -> Option<Superblock> {
        let block = head.get(OFFSET..)?;
        is_at(block, MAGIC, b"_BHRfS_M").then_some(())?;
        Some(Superblock {
            id: array(block, ID)?,
            devices: u64_at(block, DEVICES)?,
            device_id: u64_at(block, DEVICE_ID)?,
            device_size: u64_at(block, DEVICE_SIZE)?,
        })
    }

    /// Reads the superblock of a device.
    ///
    /// # Errors
    /// When it cannot be read or has none.
    pub fn read(device: &Path) -> Result<Superblock> {
        Superblock::parse(&device::head(device, LENGTH)?)
            .ok_or_else(|| Error::image(format!("{} holds no btrfs", device.display())))
    }

    /// How this device lies in one of so many bytes.
    #[must_use]
    pub fn fit(&self, device_size: u64) -> Fit {
        Fit::of(self.device_size / SECTOR, device_size / SECTOR)
    }
}

/// How it lies in its device.
///
/// # Errors
/// When the device cannot be read or holds none.
pub fn read_fit(device: &Path) -> Result<Fit> {
    Ok(Superblock::read(device)?.fit(device::size(device)?))
}

/// The other devices of the file system that begins on this one.
///
/// # Errors
/// When not all of them are there.
pub fn others(device: &Path) -> Result<Vec<PathBuf>> {
    let own = Superblock::read(device)?;
    if own.devices <= 1 {
        return Ok(Vec::new());
    }
    let is_other = |path: &PathBuf| {
        let superblock = Superblock::read(path).ok();
        path != device && superblock.is_some_and(|other| other.id == own.id)
    };
    let found: Vec<_> = device::all()?.into_iter().filter(is_other).collect();
    let there = found.len() + 1;
    if there > MAX_DEVICES || u64::try_from(there).is_ok_and(|there| there < own.devices) {
        return Err(Error::image(format!(
            "the btrfs file system of {} has {} devices, and {there} of them are on the disks",
            device.display(),
            own.devices
        )));
    }
    Ok(found)
}

/// Grows it on one of its devices to the size of that device.
///
/// # Errors
/// When `btrfs` fails.
pub fn grow(device: &Path, mount_point: &Path) -> Result<()> {
    let size = format!("{}:max", Superblock::read(device)?.device_id);
    program::succeed("btrfs", &["filesystem", "resize", &size], mount_point)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::testing::{resize, tool};

    #[test]
    fn what_mkfs_makes_is_the_first_device_and_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        resize(file.path(), 128 << 20);
        tool("mkfs.btrfs", &["-q"], file.path());
        let superblock = Superblock::read(file.path()).unwrap();
        assert_eq!((superblock.devices, superblock.device_id), (1, 1));
        assert!(others(file.path()).unwrap().is_empty());
    }

    #[test]
    fn a_device_that_is_missing_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["one", "two"].map(|name| directory.path().join(name));
        for path in &paths {
            resize(path, 128 << 20);
        }
        let first = paths[0].to_str().unwrap();
        tool(
            "mkfs.btrfs",
            &["-q", "-d", "single", "-m", "single", first],
            &paths[1],
        );
        let error = others(&paths[1]).unwrap_err().to_string();
        assert!(error.contains("has 2 devices, and 1 of them"), "{error}");
    }

    proptest! {
        #[test]
        fn no_superblock_makes_it_panic(rest: Vec<u8>, size: u64) {
            let mut head = vec![0; OFFSET + MAGIC];
            head.extend_from_slice(b"_BHRfS_M");
            head.extend(rest);
            let _ = Superblock::parse(&head).map(|superblock| superblock.fit(size));
        }
    }
}
