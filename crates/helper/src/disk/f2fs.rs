//! F2FS: the superblock, and growing it while it is not mounted.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use crate::disk::bytes::{u16_at, u32_at, u64_at, uuid};
use crate::disk::device;
use crate::disk::fit::Fit;
use crate::error::{Error, Result};
use crate::run::program;

/// Where the superblock lies, in bytes; this and what follows: Linux,
/// include/linux/f2fs_fs.h, `struct f2fs_super_block`.
const OFFSET: usize = 1024;
const MAGIC: u32 = 0xf2f5_2010;
const LOG_BLOCK_SIZE: usize = 16;
const LOG_BLOCKS_PER_SEGMENT: usize = 20;
const BLOCKS: usize = 36;
const UUID: usize = 108;
const LABEL: usize = 124;
/// The characters of a label that are looked at, each two bytes.
const LABEL_LENGTH: usize = 255;

/// What is needed of a superblock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superblock {
    blocks: u64,
    block_size: u64,
    segment_blocks: u64,
    /// Its `UUID=`.
    pub uuid: Option<String>,
    /// Its `LABEL=`.
    pub label: Option<String>,
}

impl Superblock {
    /// Reads the superblock out of the first bytes of a device.
    #[must_use]
    pub fn parse(head: &[u8]) -> Option<Superblock> {
        let block = head.get(OFFSET..)?;
        if u32_at(block, 0)? != MAGIC {
            return None;
        }
        let power = |at: usize, legal: std::ops::RangeInclusive<u32>| {
            u32_at(block, at)
                .filter(|log| legal.contains(log))
                .map(|log| 1_u64 << log)
        };
        let units = (0..LABEL_LENGTH)
            .map_while(|at| u16_at(block, LABEL + 2 * at).filter(|unit| *unit != 0));
        let label = String::from_utf16_lossy(&units.collect::<Vec<_>>());
        Some(Superblock {
            blocks: u64_at(block, BLOCKS)?,
            block_size: power(LOG_BLOCK_SIZE, 12..=16)?,
            segment_blocks: power(LOG_BLOCKS_PER_SEGMENT, 9..=9)?,
            uuid: uuid(block, UUID),
            label: (!label.is_empty()).then_some(label),
        })
    }

    /// How it lies in a device of so many bytes. It takes whole segments alone.
    #[must_use]
    pub fn fit(&self, device_size: u64) -> Fit {
        let room = device_size / self.block_size;
        match Fit::of(self.blocks, room) {
            Fit::Grows if room / self.segment_blocks <= self.blocks / self.segment_blocks => {
                Fit::Fills
            }
            fit => fit,
        }
    }
}

/// How it lies in its device.
///
/// # Errors
/// When the device cannot be read or holds none.
pub fn read_fit(device: &Path) -> Result<Fit> {
    let superblock = Superblock::parse(&device::head(device, 4096)?);
    let size = device::size(device)?;
    superblock
        .map(|superblock| superblock.fit(size))
        .ok_or_else(|| Error::image(format!("{} holds no f2fs", device.display())))
}

/// Grows it to the size of its device.
///
/// # Errors
/// When `resize.f2fs` fails or leaves it as it was: it says so of damage by words alone.
pub fn grow(device: &Path, name: &str) -> Result<()> {
    program::succeed("resize.f2fs", &[], device)?;
    match read_fit(device)? {
        Fit::Fills => Ok(()),
        Fit::Grows | Fit::Exceeds => Err(Error::image(format!(
            "resize.f2fs did not grow the file system of {name}: run fsck.f2fs on the image, \
             unmount it cleanly and deploy it again"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::testing::{resize, tool};

    #[test]
    fn it_grows_to_the_end_of_its_device_and_is_sound() {
        let file = tempfile::NamedTempFile::new().unwrap();
        resize(file.path(), 64 << 20);
        tool("mkfs.f2fs", &["-q", "-l", "the root"], file.path());
        let superblock = Superblock::parse(&device::head(file.path(), 4096).unwrap()).unwrap();
        assert_eq!(superblock.label.as_deref(), Some("the root"));
        assert_eq!(superblock.uuid.unwrap().len(), 36);
        assert_eq!(read_fit(file.path()).unwrap(), Fit::Fills);
        resize(file.path(), (160 << 20) + 512);
        assert_eq!(read_fit(file.path()).unwrap(), Fit::Grows);
        grow(file.path(), "it").unwrap();
        assert_eq!(read_fit(file.path()).unwrap(), Fit::Fills);
        tool("fsck.f2fs", &["-f"], file.path());
    }

    proptest! {
        #[test]
        fn no_superblock_makes_it_panic(rest: Vec<u8>, size: u64) {
            let mut head = vec![0; OFFSET];
            head.extend_from_slice(&MAGIC.to_le_bytes());
            head.extend(rest);
            let _ = Superblock::parse(&head).map(|superblock| superblock.fit(size));
        }
    }
}
