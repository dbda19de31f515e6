//! A dump of one file system, made a disk: boot code and partition table come before it.
//!
//! The file system begins at sector 2048 of 512 bytes, as that of a disk with one partition does, and its
//! boot loader is expected in the partition.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{Content, Image, ImageError};

/// Bytes of boot code in a master boot record.
pub const BOOT_CODE: usize = 440;

/// Where the one partition begins: sector 2048 of the usual size.
const START: u64 = 1 << 20;
/// Bytes of the first sector that are made, and of a sector as the partition table usually counts them.
const SECTOR: u64 = 512;

/// How much of the file system is looked at: the superblock of ext2 ends before.
const HEAD: usize = 2048;

/// Where distributions keep the boot code of syslinux (Debian: package syslinux-common).
const BOOT_CODE_FILES: [&str; 3] = [
    "/usr/lib/syslinux/mbr/mbr.bin",
    "/usr/share/syslinux/mbr.bin",
    "/usr/lib/syslinux/bios/mbr.bin",
];

/// There is no boot code.
#[derive(Debug, thiserror::Error)]
pub enum MbrError {
    /// The file is nowhere.
    #[error(
        "a dump of a file system needs the boot code of syslinux, mbr.bin, which is not installed; install syslinux-common"
    )]
    Missing,
    /// The file cannot be read.
    #[error("reading the boot code {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is something else.
    #[error("the boot code {} has more than {BOOT_CODE} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
}

/// The boot code that looks for the active partition and starts what it begins with.
///
/// # Errors
/// See [`MbrError`].
pub fn boot_code() -> Result<Vec<u8>, MbrError> {
    let path = BOOT_CODE_FILES.map(Path::new);
    let path = path.into_iter().find(|path| path.exists());
    let path = path.ok_or(MbrError::Missing)?;
    let mut code = Vec::new();
    let most = u64::try_from(BOOT_CODE).unwrap_or(0).saturating_add(1);
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut code));
    match read {
        Ok(length) if length > BOOT_CODE => Err(MbrError::TooLong { path: path.into() }),
        Ok(_) => Ok(code),
        Err(error) => Err(MbrError::Read {
            path: path.into(),
            error,
        }),
    }
}

/// A file system that a dump can be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// ext2, ext3 or ext4.
    Ext,
    /// NTFS.
    Ntfs,
}

impl FileSystem {
    /// Makes a disk of a dump's content. `boot_code` is for its first sector, and `sector` is how
    /// many bytes one has on that disk; 0 counts as 512.
    ///
    /// # Errors
    /// When the dump is not of this file system, is cut short, or cannot be read.
    pub fn as_disk(
        self,
        dump: Content,
        boot_code: &[u8],
        sector: u32,
    ) -> Result<Content, ImageError> {
        let mut head = [0; HEAD];
        Ok(match dump {
            Content::Image(image) => {
                let present = image.length().min(2048);
                let there = usize::try_from(present).unwrap_or(HEAD);
                image.read_at(head.get_mut(..there).unwrap_or_default(), 0)?;
                let prefix = self.prefix(&head, Some(image.length()), boot_code, sector)?;
                Content::Image(Box::new(Dump { prefix, image }))
            }
            Content::Stream { mut bytes, length } => {
                let mut first = Vec::with_capacity(HEAD);
                let most = u64::try_from(HEAD).unwrap_or(0);
                (bytes.by_ref().take(most).read_to_end(&mut first)).map_err(ImageError::Stream)?;
                if let Some(start) = head.get_mut(..first.len()) {
                    start.copy_from_slice(&first);
                }
                let prefix = self.prefix(&head, length, boot_code, sector)?;
                let gap = START.saturating_sub(SECTOR);
                let before = io::Cursor::new(prefix).chain(io::repeat(0).take(gap));
                Content::Stream {
                    bytes: Box::new(before.chain(io::Cursor::new(first)).chain(bytes)),
                    length: length.map(|length| length.saturating_add(START)),
                }
            }
        })
    }

    /// The first sector of the disk (https://uefi.org/specs/UEFI/2.10/05_GUID_Partition_Table_Format.html,
    /// "Legacy Master Boot Record").
    fn prefix(
        self,
        head: &[u8; HEAD],
        length: Option<u64>,
        boot_code: &[u8],
        sector_size: u32,
    ) -> Result<Vec<u8>, ImageError> {
        let unit = u64::from(sector_size).max(SECTOR);
        let start = u32::try_from(START / unit).unwrap_or(u32::MAX);
        let needed = self.size(head)?;
        if let Some(present) = length.filter(|present| *present < needed) {
            return Err(ImageError::Truncated { present, needed });
        }
        let least = needed.saturating_add(self.behind());
        let sectors = length.unwrap_or(least).max(needed).div_ceil(unit);
        // What is larger than the table can say is grown to the disk's end later, as far as
        // that goes.
        let sectors = u32::try_from(sectors).unwrap_or(u32::MAX);
        let mut sector = boot_code.to_vec();
        sector.resize(BOOT_CODE, 0);
        // The disk's signature, and two bytes that are zero.
        sector.extend([0; 6]);
        // Active; begins and ends beyond what cylinders and heads can say; its type.
        sector.extend([
            0x80,
            0xfe,
            0xff,
            0xff,
            self.partition_type(),
            0xfe,
            0xff,
            0xff,
        ]);
        sector.extend(start.to_le_bytes());
        sector.extend(sectors.to_le_bytes());
        sector.resize(510, 0);
        sector.extend([0x55, 0xaa]);
        Ok(sector)
    }

    fn partition_type(self) -> u8 {
        match self {
            FileSystem::Ext => 0x83,
            FileSystem::Ntfs => 0x07,
        }
    }

    /// What it has behind the end that it speaks of, in bytes: a copy of NTFS's boot sector.
    fn behind(self) -> u64 {
        match self {
            FileSystem::Ext => 0,
            FileSystem::Ntfs => SECTOR,
        }
    }

    /// How large the file system is, in bytes, by its own word.
    fn size(self, head: &[u8; HEAD]) -> Result<u64, ImageError> {
        match self {
            FileSystem::Ext => ext_size(head).map_err(|reason| ImageError::NoFileSystem {
                expected: "an ext2, ext3 or ext4",
                reason,
            }),
            FileSystem::Ntfs => ntfs_size(head).map_err(|reason| ImageError::NoFileSystem {
                expected: "an NTFS",
                reason,
            }),
        }
    }
}

/// The superblock of ext2 to ext4 lies 1024 bytes in (Documentation/filesystems/ext4/super.rst):
/// number of blocks at 4 and, with the feature 64bit, at 0x150; block size at 24; magic at 56.
fn ext_size(head: &[u8; HEAD]) -> Result<u64, &'static str> {
    let word = |at: usize| -> Option<u32> {
        let bytes = head.get(1024_usize.checked_add(at)?..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    if word(56).is_none_or(|magic| magic & 0xffff != 0xef53) {
        return Err("it has no superblock with that magic number");
    }
    let has_64_bits = word(96).is_some_and(|features| features & 0x80 != 0);
    let high = word(0x150).filter(|_| has_64_bits).unwrap_or(0);
    let blocks = u64::from(high) << 32 | u64::from(word(4).unwrap_or(0));
    let size = word(24).filter(|log| *log <= 6).map(|log| 1024_u64 << log);
    size.and_then(|size| size.checked_mul(blocks))
        .filter(|bytes| *bytes > 0)
        .ok_or("its superblock has an impossible size")
}

/// The boot sector of NTFS: name at 3, bytes of a sector at 11, sectors at 40; a copy of the
/// boot sector follows them.
fn ntfs_size(head: &[u8; HEAD]) -> Result<u64, &'static str> {
    if head.get(3..11) != Some(b"NTFS    ") {
        return Err("it has no boot sector with that name");
    }
    let sector = head.get(11..).and_then(<[u8]>::first_chunk);
    let sector = sector.map_or(0, |bytes| u64::from(u16::from_le_bytes(*bytes)));
    let sectors = head.get(40..).and_then(<[u8]>::first_chunk);
    let sectors = sectors.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    Some(sector)
        .filter(|sector| sector.is_power_of_two() && (512..=4096).contains(sector))
        .and_then(|sector| sector.checked_mul(sectors))
        .filter(|bytes| *bytes > 0)
        .ok_or("its boot sector has an impossible size")
}

/// A dump in a file, with what comes before.
struct Dump {
    /// The first sector; up to [`START`] zeroes follow.
    prefix: Vec<u8>,
    image: Box<dyn Image>,
}

impl Image for Dump {
    fn length(&self) -> u64 {
        self.image.length().saturating_add(START)
    }

    fn next_data(&self, from: u64) -> Result<Option<Range<u64>>, ImageError> {
        if from < SECTOR {
            return Ok(Some(from..SECTOR));
        }
        let inner = self.image.next_data(from.saturating_sub(START))?;
        Ok(inner.map(|range| range.start.saturating_add(START)..range.end.saturating_add(START)))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), ImageError> {
        let before = usize::try_from(START.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (head, rest) = buffer.split_at_mut(before.min(buffer.len()));
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let known = self.prefix.get(at..).unwrap_or_default();
        let known = known.get(..head.len()).unwrap_or(known);
        let (written, zero) = head.split_at_mut(known.len());
        written.copy_from_slice(known);
        zero.fill(0);
        if rest.is_empty() {
            return Ok(());
        }
        self.image.read_at(rest, offset.saturating_sub(START))
    }

    fn grain(&self) -> usize {
        self.image.grain()
    }

    fn check_unchanged(&self) -> Result<(), ImageError> {
        self.image.check_unchanged()
    }
}
