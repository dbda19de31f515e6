//! A dump of one file system, made a disk: boot code and partition table come before it.
//!
//! The file system begins at sector 2048 of 512 bytes, as that of a disk with one partition does, and its
//! boot loader is expected in the partition.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Content, Image, ImageError};

mod disk;
mod ext;
mod ntfs;
mod second;

use disk::Dump;
use second::Second;

/// Bytes of boot code in a master boot record.
pub const BOOT_CODE: usize = 440;

/// Where the one partition begins: sector 2048 of the usual size.
const START: u64 = 1 << 20;
/// Bytes of the first sector that are made, and of a sector as the partition table usually counts them.
const SECTOR: u64 = 512;
/// The same as a length in memory.
const SECTOR_BYTES: usize = 512;

/// How much of the file system is looked at: the superblock of ext2 ends before.
const HEAD: usize = 2048;

/// A boot sector of a file system.
type Boot = [u8; SECTOR_BYTES];

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
                let length = image.length();
                let there = usize::try_from(length).unwrap_or(HEAD).min(HEAD);
                image.read_at(head.get_mut(..there).unwrap_or_default(), 0)?;
                let prefix = self.prefix(&head, Some(length), boot_code, sector)?;
                let boots = match self.boot(&head, sector) {
                    Some(boot) => with_second(boot, self.size(&head)?, &*image)?,
                    None => Vec::new(),
                };
                Content::Image(Box::new(Dump::new(prefix, boots, image)))
            }
            Content::Stream { mut bytes, length } => {
                let mut first = Vec::with_capacity(HEAD);
                let most = u64::try_from(HEAD).unwrap_or(0);
                (bytes.by_ref().take(most).read_to_end(&mut first)).map_err(ImageError::Stream)?;
                if let Some(start) = head.get_mut(..first.len()) {
                    start.copy_from_slice(&first);
                }
                let prefix = self.prefix(&head, length, boot_code, sector)?;
                let whole: Box<dyn Read + Send> = match self.boot(&head, sector) {
                    Some(boot) => {
                        if let Some(place) = first.first_chunk_mut() {
                            *place = boot.new;
                        }
                        let whole = io::Cursor::new(first).chain(bytes);
                        Box::new(Second::new(whole, self.size(&head)?, boot))
                    }
                    None => Box::new(io::Cursor::new(first).chain(bytes)),
                };
                let gap = START.saturating_sub(SECTOR);
                let before = io::Cursor::new(prefix).chain(io::repeat(0).take(gap));
                Content::Stream {
                    bytes: Box::new(before.chain(whole)),
                    length: length.map(|length| length.saturating_add(START)),
                }
            }
        })
    }

    /// The boot sector as it is and as it has to be where the dump begins on the disk. Only that of NTFS
    /// goes by the place.
    fn boot(self, head: &[u8; HEAD], sector: u32) -> Option<Moved> {
        let old = head.first_chunk().filter(|_| self == FileSystem::Ntfs)?;
        Some(Moved {
            old: *old,
            new: ntfs::at(old, first_sector(sector)),
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
        let unit = unit(sector_size);
        let start = first_sector(sector_size);
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
            FileSystem::Ext => ext::size(head).map_err(|reason| ImageError::NoFileSystem {
                expected: "an ext2, ext3 or ext4",
                reason,
            }),
            FileSystem::Ntfs => ntfs::size(head).map_err(|reason| ImageError::NoFileSystem {
                expected: "an NTFS",
                reason,
            }),
        }
    }
}

/// The bytes of a sector as the partition table counts them.
fn unit(sector: u32) -> u64 {
    u64::from(sector).max(SECTOR)
}

/// The number of the sector where the file system begins.
fn first_sector(sector: u32) -> u32 {
    u32::try_from(START / unit(sector)).unwrap_or(u32::MAX)
}

/// A boot sector that changes.
struct Moved {
    old: Boot,
    new: Boot,
}

/// Which boot sectors of a dump change, by their offsets in it: the first one, and behind the end of the
/// file system its copy, where that is one.
fn with_second(boot: Moved, end: u64, image: &dyn Image) -> Result<Vec<(u64, Boot)>, ImageError> {
    let mut boots = vec![(0, boot.new)];
    if image
        .length()
        .checked_sub(end)
        .is_some_and(|behind| behind >= SECTOR)
    {
        let mut copy = [0; SECTOR_BYTES];
        image.read_at(&mut copy, end)?;
        if copy == boot.old {
            boots.push((end, boot.new));
        }
    }
    Ok(boots)
}
