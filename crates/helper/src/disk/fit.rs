//! How a file system lies in its device.
// SPDX-License-Identifier: BSD-2-Clause

use std::cmp::Ordering;

/// Whether there is room behind a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// There is room behind it.
    Grows,
    /// It takes the whole device.
    Fills,
    /// It is larger than the device.
    Exceeds,
}

impl Fit {
    /// That of a file system of so many blocks in a device that has room for so many.
    #[must_use]
    pub fn of(blocks: u64, room: u64) -> Fit {
        match blocks.cmp(&room) {
            Ordering::Less => Fit::Grows,
            Ordering::Equal => Fit::Fills,
            Ordering::Greater => Fit::Exceeds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{btrfs, f2fs, xfs};
    use crate::run::testing::{resize, tool};

    #[test]
    fn what_mkfs_makes_fills_its_device_and_no_larger_one() {
        for (mkfs, read) in [
            ("mkfs.xfs", xfs::read_fit as fn(&_) -> _),
            ("mkfs.btrfs", btrfs::read_fit),
            ("mkfs.f2fs", f2fs::read_fit),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            let fit_in = |bytes| {
                resize(file.path(), bytes);
                read(file.path()).ok()
            };
            resize(file.path(), (320 << 20) + 512);
            tool(mkfs, &["-q"], file.path());
            for (bytes, fit) in [
                ((320 << 20) + 512, Some(Fit::Fills)),
                (400 << 20, Some(Fit::Grows)),
                (200 << 20, Some(Fit::Exceeds)),
                (0, None),
            ] {
                assert_eq!(fit_in(bytes), fit, "{mkfs} {bytes}");
            }
        }
    }
}
