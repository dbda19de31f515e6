//! ext2, ext3 and ext4: the superblock, checking and growing.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use crate::disk::bytes::{text, u16_at, u32_at, uuid};
use crate::disk::device;
use crate::disk::fit::Fit;
use crate::error::{Error, Result};
use crate::run::program;

/// Where the superblock lies, in bytes; this and all offsets: Linux,
/// Documentation/filesystems/ext4/super.rst.
const OFFSET: usize = 1024;
const MAGIC: u16 = 0xef53;
/// `s_state`: unmounted cleanly.
const STATE_VALID: u16 = 1;
/// `s_state`: errors were seen.
const STATE_ERROR: u16 = 2;
const COMPAT_HAS_JOURNAL: u32 = 0x4;
const INCOMPAT_RECOVER: u32 = 0x4;
const INCOMPAT_JOURNAL_DEV: u32 = 0x8;
/// Filetype and recover: all that ext3 knows.
const INCOMPAT_EXT3: u32 = 0x2 | INCOMPAT_RECOVER | 0x10;
const INCOMPAT_64BIT: u32 = 0x80;
/// Sparse superblocks and large files: all that ext3 knows.
const RO_COMPAT_EXT3: u32 = 0x3;
const RO_COMPAT_METADATA_CSUM: u32 = 0x400;
/// The largest `s_log_block_size`: blocks of 64 KiB.
const MAX_LOG_BLOCK_SIZE: u32 = 6;

/// `e2fsck` ends with a sum of these (e2fsck(8)). Corrected errors are fine, and so is the
/// advice to reboot: nothing is mounted.
const E2FSCK_FINE: i32 = 1 | 2;

/// Which of the three it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// without a journal
    Ext2,
    /// with a journal
    Ext3,
    /// with features that ext3 does not know
    Ext4,
}

impl Generation {
    /// Its usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Generation::Ext2 => "ext2",
            Generation::Ext3 => "ext3",
            Generation::Ext4 => "ext4",
        }
    }
}

/// What is needed of a superblock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superblock {
    blocks: u64,
    block_size: u64,
    state: u16,
    compatible: u32,
    incompatible: u32,
    read_only: u32,
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
        if u16_at(block, 56)? != MAGIC {
            return None;
        }
        let incompatible = u32_at(block, 96)?;
        let shift = u32_at(block, 24)?;
        if shift > MAX_LOG_BLOCK_SIZE || incompatible & INCOMPAT_JOURNAL_DEV != 0 {
            return None;
        }
        let high = if incompatible & INCOMPAT_64BIT == 0 {
            0
        } else {
            u32_at(block, 0x150)?
        };
        Some(Superblock {
            blocks: u64::from(high) << 32 | u64::from(u32_at(block, 4)?),
            block_size: 1024 << shift,
            state: u16_at(block, 58)?,
            compatible: u32_at(block, 92)?,
            incompatible,
            read_only: u32_at(block, 100)?,
            uuid: uuid(block, 104),
            label: text(block, 120, 16),
        })
    }

    /// Reads the superblock of a device that is known to have one.
    ///
    /// # Errors
    /// When it cannot be read or has none.
    pub fn read(device: &Path) -> Result<Superblock> {
        Superblock::parse(&device::head(device, 2048)?)
            .ok_or_else(|| Error::image(format!("{} holds no ext file system", device.display())))
    }

    /// Which of the three it is, by its features.
    #[must_use]
    pub fn generation(&self) -> Generation {
        if self.incompatible & !INCOMPAT_EXT3 != 0 || self.read_only & !RO_COMPAT_EXT3 != 0 {
            Generation::Ext4
        } else if self.compatible & COMPAT_HAS_JOURNAL != 0 {
            Generation::Ext3
        } else {
            Generation::Ext2
        }
    }

    /// How it lies in a device of so many bytes.
    #[must_use]
    pub fn fit(&self, device_size: u64) -> Fit {
        Fit::of(self.blocks, device_size / self.block_size)
    }

    /// Whether it asks for a check: errors were seen, or it has no journal and was not
    /// unmounted.
    #[must_use]
    pub fn needs_check(&self) -> bool {
        let journal = self.compatible & COMPAT_HAS_JOURNAL != 0;
        self.state & STATE_ERROR != 0 || self.state & STATE_VALID == 0 && !journal
    }

    /// Whether the kernel notices by itself where it is damaged: all its metadata have checksums.
    #[must_use]
    pub fn has_checksums(&self) -> bool {
        self.read_only & RO_COMPAT_METADATA_CSUM != 0
    }
}

/// Checks a file system that is not mounted, and repairs what can be repaired safely.
///
/// # Errors
/// When that is not enough.
pub fn check(device: &Path, name: &str) -> Result<()> {
    // Only repairs: to make directories smaller is not what anybody asked for.
    let arguments = ["-f", "-p", "-E", "fixes_only"];
    let output = program::tool("e2fsck", &arguments, device, &[])?;
    match output.code() {
        Some(code) if code & !E2FSCK_FINE == 0 => Ok(()),
        Some(code) if code & 4 != 0 => Err(Error::image(format!(
            "the file system of {name} is dirty beyond repair: run e2fsck -f on the image and \
             deploy it again"
        ))),
        _ => Err(output.failure()),
    }
}

/// Grows a file system to the size of its device: the kernel does it where it is mounted, else it must
/// have been checked.
///
/// # Errors
/// When `resize2fs` fails.
pub fn grow(device: &Path) -> Result<()> {
    program::succeed("resize2fs", &[], device)
}

#[cfg(test)]
#[path = "ext_tests.rs"]
mod tests;
