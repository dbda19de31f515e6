//! Tells by its first bytes what a partition or disk holds.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::path::Path;

use crate::disk::bytes::{is_at, text, u16_at, u32_at, u64_at, uuid};
use crate::disk::{device, ext, f2fs};
use crate::error::Result;

/// How much of a device is looked at: the superblock of btrfs at 64 KiB is the last one.
const HEAD: u64 = 68 << 10;

/// What stands in the boot sector of a volume that BitLocker has encrypted (libblkid).
const BITLOCKER: &[u8] = b"-FVE-FS-";

/// What a device holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ext2, ext3 or ext4
    Ext(ext::Generation),
    /// XFS
    Xfs,
    /// Btrfs
    Btrfs,
    /// F2FS
    F2fs,
    /// FAT12, FAT16 or FAT32
    Vfat,
    /// NTFS
    Ntfs,
    /// UFS1 or UFS2 of the BSDs
    Ufs,
    /// swap space
    Swap,
    /// an encrypted volume
    Luks,
    /// an encrypted volume of Windows
    BitLocker,
    /// a physical volume of LVM
    Lvm,
}

impl Kind {
    /// The name under which the kernel mounts it; `None`: the kernel does not.
    #[must_use]
    pub fn driver(self) -> Option<&'static str> {
        match self {
            Kind::Ext(_) => Some("ext4"),
            Kind::Xfs => Some("xfs"),
            Kind::Btrfs => Some("btrfs"),
            Kind::F2fs => Some("f2fs"),
            Kind::Vfat => Some("vfat"),
            Kind::Ntfs | Kind::Ufs | Kind::Swap | Kind::Luks | Kind::BitLocker | Kind::Lvm => None,
        }
    }

    /// Whether it is made larger, or what lies in it, when its partition is.
    #[must_use]
    pub fn can_grow(self) -> bool {
        self.is_linux() || matches!(self, Kind::Lvm | Kind::Ntfs)
    }

    /// Whether the root of a Linux system may lie on it.
    #[must_use]
    pub fn is_linux(self) -> bool {
        matches!(self, Kind::Ext(_) | Kind::Xfs | Kind::Btrfs | Kind::F2fs)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Kind::Ext(generation) => generation.name(),
            Kind::Xfs => "xfs",
            Kind::Btrfs => "btrfs",
            Kind::F2fs => "f2fs",
            Kind::Vfat => "vfat",
            Kind::Ntfs => "ntfs",
            Kind::Ufs => "ufs",
            Kind::Swap => "swap",
            Kind::Luks => "LUKS",
            Kind::BitLocker => "BitLocker",
            Kind::Lvm => "LVM",
        })
    }
}

/// What was found, and how fstab(5) may call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Its `UUID=`.
    pub uuid: Option<String>,
    /// Its `LABEL=`.
    pub label: Option<String>,
}

/// Looks at a device.
///
/// # Errors
/// When it cannot be read.
pub fn read(device: &Path) -> Result<Option<Found>> {
    read_at(device, 0)
}

/// Looks at what begins at an offset of a device, in bytes.
///
/// # Errors
/// When it cannot be read.
pub fn read_at(device: &Path, offset: u64) -> Result<Option<Found>> {
    Ok(parse(&device::bytes(device, offset, HEAD)?))
}

/// Looks at the first 68 KiB of a device. The offsets are those of the kernel's headers and
/// of libblkid. What a younger file system may leave of an older one is asked for last.
#[must_use]
pub fn parse(head: &[u8]) -> Option<Found> {
    let found = |kind, uuid, label| Some(Found { kind, uuid, label });
    if is_at(head, 0, b"LUKS\xba\xbe") {
        return found(Kind::Luks, text(head, 168, 40), None);
    }
    let lvm = |sector: usize| {
        is_at(head, sector * 512, b"LABELONE") && is_at(head, sector * 512 + 24, b"LVM2 001")
    };
    if (0..4).any(lvm) {
        return found(Kind::Lvm, None, None);
    }
    if is_at(head, 0, b"XFSB") {
        return found(Kind::Xfs, uuid(head, 32), text(head, 108, 12));
    }
    if let Some(superblock) = ext::Superblock::parse(head) {
        let generation = superblock.generation();
        return found(Kind::Ext(generation), superblock.uuid, superblock.label);
    }
    if is_at(head, 0x1_0040, b"_BHRfS_M") {
        return found(Kind::Btrfs, uuid(head, 0x1_0020), text(head, 0x1_012b, 256));
    }
    if let Some(superblock) = f2fs::Superblock::parse(head) {
        return found(Kind::F2fs, superblock.uuid, superblock.label);
    }
    if [4096, 8192, 16384, 65536]
        .iter()
        .any(|page| is_at(head, page - 10, b"SWAPSPACE2"))
    {
        return found(Kind::Swap, uuid(head, 1036), text(head, 1052, 16));
    }
    if is_at(head, 3, BITLOCKER) {
        return found(Kind::BitLocker, None, None);
    }
    if is_at(head, 3, b"NTFS    ") {
        let id = u64_at(head, 72).map(|id| format!("{id:016X}"));
        return found(Kind::Ntfs, id, None);
    }
    if let Some((id, label)) = fat(head) {
        return found(Kind::Vfat, Some(id), label);
    }
    let ufs = [(8192, 0x0001_1954_u32), (65536, 0x1954_0119)];
    if ufs
        .iter()
        .any(|(at, magic)| u32_at(head, at + 1372) == Some(*magic))
    {
        return found(Kind::Ufs, None, None);
    }
    None
}

/// Whether the first sector belongs to a FAT or NTFS file system, encrypted or not: its end looks like that of
/// a master boot record.
#[must_use]
pub fn is_boot_sector_of_file_system(head: &[u8]) -> bool {
    is_at(head, 3, b"NTFS    ") || is_at(head, 3, BITLOCKER) || fat(head).is_some()
}

/// The serial number and label of a FAT file system (Microsoft's FAT specification, 3).
fn fat(head: &[u8]) -> Option<(String, Option<String>)> {
    let sector = u16_at(head, 11)?;
    let cluster = *head.get(13)?;
    let tables = *head.get(16)?;
    let plausible = sector.is_power_of_two()
        && (512..=4096).contains(&sector)
        && cluster.is_power_of_two()
        && (1..=2).contains(&tables)
        && u16_at(head, 14)? > 0
        && is_at(head, 510, &[0x55, 0xaa]);
    let at = match () {
        () if is_at(head, 82, b"FAT32") => 67,
        () if is_at(head, 54, b"FAT1") => 39,
        () => return None,
    };
    let serial = u32_at(head, at).filter(|_| plausible)?;
    let label = text(head, at + 4, 11).filter(|label| label != "NO NAME");
    Some((
        format!("{:04X}-{:04X}", serial >> 16, serial & 0xffff),
        label,
    ))
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
