//! XFS: how large it is, and growing it while it is mounted.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use crate::disk::bytes::{array, is_at};
use crate::disk::device;
use crate::disk::fit::Fit;
use crate::error::{Error, Result};
use crate::run::program;

/// The start of the superblock (Linux, fs/xfs/libxfs/xfs_format.h, `struct xfs_dsb`): magic, block
/// size and number of blocks, in big-endian numbers.
const MAGIC: &[u8] = b"XFSB";
const BLOCK_SIZE: usize = 4;
const BLOCKS: usize = 8;
/// The sizes that a block may have, in bytes.
const BLOCK_SIZES: std::ops::RangeInclusive<u32> = 512..=65536;

/// How it lies in a device of so many bytes. `None`: there is no XFS.
#[must_use]
pub fn fit(head: &[u8], device_size: u64) -> Option<Fit> {
    let block_size = u32::from_be_bytes(array(head, BLOCK_SIZE)?);
    let blocks = u64::from_be_bytes(array(head, BLOCKS)?);
    let is_sound =
        is_at(head, 0, MAGIC) && block_size.is_power_of_two() && BLOCK_SIZES.contains(&block_size);
    is_sound.then(|| Fit::of(blocks, device_size / u64::from(block_size)))
}

/// How it lies in its device.
///
/// # Errors
/// When the device cannot be read or holds none.
pub fn read_fit(device: &Path) -> Result<Fit> {
    fit(&device::head(device, 512)?, device::size(device)?)
        .ok_or_else(|| Error::image(format!("{} holds no xfs", device.display())))
}

/// Grows it to the size of its device.
///
/// # Errors
/// When `xfs_growfs` fails.
pub fn grow(mount_point: &Path) -> Result<()> {
    program::succeed("xfs_growfs", &["-d"], mount_point)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_superblock_makes_it_panic(rest: Vec<u8>, size: u64) {
            let _ = fit(&[MAGIC, &rest].concat(), size);
        }
    }
}
