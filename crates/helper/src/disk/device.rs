//! Block devices: their names, sizes and raw bytes.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Doing, Result};
use crate::run::program;

/// The kernel's list of block devices (sysfs(5)).
const BLOCK_DEVICES: &str = "/sys/class/block";

/// The virtio disks in the order of their letters, as the kernel numbers them. The disk that
/// holds the root of the helper system itself is left out.
///
/// # Errors
/// When the kernel's list cannot be read.
pub fn disks() -> Result<Vec<PathBuf>> {
    let own = fs::metadata("/").doing(|| "looking at /".into())?.dev();
    let entries = fs::read_dir(BLOCK_DEVICES).doing(|| format!("reading {BLOCK_DEVICES}"))?;
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_virtio_disk(name))
        .collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    let paths = names.iter().map(|name| Path::new("/dev").join(name));
    Ok(paths
        .filter(|path| fs::metadata(path).is_ok_and(|node| node.rdev() != own))
        .collect())
}

/// The virtio disks, their partitions, and the volumes on them.
///
/// # Errors
/// When the kernel's list cannot be read.
pub fn all() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(BLOCK_DEVICES).doing(|| format!("reading {BLOCK_DEVICES}"))?;
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| ["vd", "dm-"].iter().any(|start| name.starts_with(start)))
        .collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    Ok(names
        .iter()
        .map(|name| Path::new("/dev").join(name))
        .collect())
}

fn is_virtio_disk(name: &str) -> bool {
    name.strip_prefix("vd").is_some_and(|letters| {
        !letters.is_empty() && letters.bytes().all(|letter| letter.is_ascii_lowercase())
    })
}

/// The node of a partition: `/dev/vda` and 2 give `/dev/vda2`, `/dev/loop0` and 2 give
/// `/dev/loop0p2`.
#[must_use]
pub fn partition(disk: &Path, number: u32) -> PathBuf {
    let disk = disk.to_string_lossy();
    let separator = if disk.ends_with(|last: char| last.is_ascii_digit()) {
        "p"
    } else {
        ""
    };
    PathBuf::from(format!("{disk}{separator}{number}"))
}

/// The size of a block device or file, in bytes.
///
/// # Errors
/// When it cannot be opened.
pub fn size(device: &Path) -> Result<u64> {
    File::open(device)
        .and_then(|mut file| file.seek(SeekFrom::End(0)))
        .doing(|| format!("finding the size of {}", device.display()))
}

/// The first bytes of a device, fewer when it is shorter.
///
/// # Errors
/// When it cannot be read.
pub fn head(device: &Path, length: u64) -> Result<Vec<u8>> {
    bytes(device, 0, length)
}

/// Bytes of a device from an offset on, fewer when it is shorter.
///
/// # Errors
/// When it cannot be read.
pub fn bytes(device: &Path, offset: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(device)
        .and_then(|mut file| {
            file.seek(SeekFrom::Start(offset))?;
            file.take(length).read_to_end(&mut bytes)
        })
        .doing(|| format!("reading {}", device.display()))?;
    Ok(bytes)
}

/// Makes the kernel read the partition table of a disk again.
///
/// # Errors
/// When a partition is in use, or `blockdev` is not there.
pub fn reread_table(disk: &Path) -> Result<()> {
    program::succeed("blockdev", &["--flushbufs", "--rereadpt"], disk)
}

/// Waits until everything written to a device is on the disk.
///
/// # Errors
/// When the disk reports an error.
pub fn flush(device: &Path) -> Result<()> {
    File::open(device)
        .and_then(|file| file.sync_all())
        .doing(|| format!("flushing {}", device.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_named_as_the_kernel_names_them() {
        for (disk, expected) in [
            ("/dev/vda", "/dev/vda2"),
            ("/dev/vdab", "/dev/vdab2"),
            ("/dev/loop0", "/dev/loop0p2"),
            ("/dev/nvme0n1", "/dev/nvme0n1p2"),
        ] {
            assert_eq!(partition(Path::new(disk), 2), Path::new(expected));
        }
    }

    #[test]
    fn only_whole_virtio_disks_count() {
        assert!(is_virtio_disk("vda") && is_virtio_disk("vdaa"));
        for name in ["vd", "vda1", "sda", "loop0", "vdA"] {
            assert!(!is_virtio_disk(name), "{name}");
        }
    }

    #[test]
    fn a_short_device_gives_what_it_has() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), b"abc").unwrap();
        assert_eq!(head(file.path(), 1000).unwrap(), b"abc");
        assert_eq!(size(file.path()).unwrap(), 3);
    }
}
