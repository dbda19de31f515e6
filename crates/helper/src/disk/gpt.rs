//! Reads a GPT (UEFI specification 2.10, chapter 5.3) within bounds.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::disk::bytes::{array, is_at, u16_at, u32_at, u64_at};
use crate::disk::table::Partition;

/// The signature that opens a header.
const SIGNATURE: &[u8] = b"EFI PART";
/// The smallest header, in bytes.
const MIN_HEADER: usize = 92;
/// The smallest entry, in bytes; others are larger by a power of two.
const MIN_ENTRY: usize = 128;
/// The largest entry that is taken, in bytes.
const MAX_ENTRY: usize = 4096;
/// The most room for entries that is taken, in bytes: 4096 of the usual size.
const MAX_ENTRIES: usize = 512 << 10;
/// The characters of a name, each two bytes.
const NAME_LENGTH: usize = 36;

/// A GPT whose checksums are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpt {
    /// The partitions in the order of the table.
    pub partitions: Vec<Partition>,
    /// Whether only the backup at the end of the disk was good.
    pub damaged: bool,
    /// The sector of the other header.
    alternate: u64,
    /// How many sectors at the end of the disk the backup takes: its entries, its header.
    backup_sectors: u64,
}

impl Gpt {
    /// Reads the primary table or, when that is broken, the backup. `None`: both are broken.
    #[must_use]
    pub fn read(disk: &File, sector_size: u64, sectors: u64) -> Option<Gpt> {
        let primary = read_at(disk, 1, sector_size, sectors);
        primary.or_else(|| {
            let backup = read_at(disk, sectors.checked_sub(1)?, sector_size, sectors)?;
            Some(Gpt {
                damaged: true,
                ..backup
            })
        })
    }

    /// The sector behind the last one that a partition may take on a disk of so many sectors.
    #[must_use]
    pub fn end(&self, sectors: u64) -> u64 {
        sectors.saturating_sub(self.backup_sectors)
    }

    /// Whether the backup lies elsewhere than at the end of the disk.
    #[must_use]
    pub fn is_misplaced(&self, sectors: u64) -> bool {
        !self.damaged && self.alternate.saturating_add(1) != sectors
    }
}

fn read_at(disk: &File, sector: u64, sector_size: u64, sectors: u64) -> Option<Gpt> {
    let mut header = vec![0; usize::try_from(sector_size).ok()?];
    disk.read_exact_at(&mut header, sector.checked_mul(sector_size)?)
        .ok()?;
    let layout = Layout::parse(&header, sector)?;
    let mut entries = vec![0; layout.length()?];
    let room = u64::try_from(entries.len()).ok()?.div_ceil(sector_size);
    if layout.entries.checked_add(room)? > sectors {
        return None;
    }
    disk.read_exact_at(&mut entries, layout.entries.checked_mul(sector_size)?)
        .ok()?;
    if crc32(&entries) != layout.entries_crc {
        return None;
    }
    Some(Gpt {
        partitions: partitions(&entries, layout.entry_size)?,
        damaged: false,
        alternate: layout.alternate,
        backup_sectors: room.saturating_add(1),
    })
}

/// Where a header says things lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    alternate: u64,
    entries: u64,
    count: usize,
    entry_size: usize,
    entries_crc: u32,
}

impl Layout {
    /// Reads the header that lies in a sector. `None`: it is broken.
    fn parse(header: &[u8], sector: u64) -> Option<Layout> {
        let length = usize::try_from(u32_at(header, 12)?).ok()?;
        if !is_at(header, 0, SIGNATURE) || length < MIN_HEADER || u64_at(header, 24)? != sector {
            return None;
        }
        let mut summed = header.get(..length)?.to_vec();
        summed.get_mut(16..20)?.fill(0);
        if crc32(&summed) != u32_at(header, 16)? {
            return None;
        }
        let entry_size = usize::try_from(u32_at(header, 84)?).ok()?;
        if !entry_size.is_power_of_two() || !(MIN_ENTRY..=MAX_ENTRY).contains(&entry_size) {
            return None;
        }
        Some(Layout {
            alternate: u64_at(header, 32)?,
            entries: u64_at(header, 72)?,
            count: usize::try_from(u32_at(header, 80)?).ok()?,
            entry_size,
            entries_crc: u32_at(header, 88)?,
        })
    }

    /// The room of the entries, in bytes.
    fn length(&self) -> Option<usize> {
        let length = self.count.checked_mul(self.entry_size)?;
        (length <= MAX_ENTRIES).then_some(length)
    }
}

/// The entries that are in use. `None`: one ends before it starts.
fn partitions(entries: &[u8], entry_size: usize) -> Option<Vec<Partition>> {
    let mut partitions = Vec::new();
    for (entry, number) in entries.chunks_exact(entry_size).zip(1..) {
        if array(entry, 0)? == [0; 16] {
            continue;
        }
        let start = u64_at(entry, 32)?;
        partitions.push(Partition {
            number,
            start,
            size: u64_at(entry, 40)?.checked_sub(start)?.checked_add(1)?,
            kind: guid(entry, 0)?,
            part_uuid: guid(entry, 16)?.to_ascii_lowercase(),
            name: name(entry),
            attributes: u64_at(entry, 48)?,
        });
    }
    Some(partitions)
}

/// A GUID as text: its first three fields are little-endian (UEFI specification, appendix A).
fn guid(entry: &[u8], offset: usize) -> Option<String> {
    let last: [u8; 8] = array(entry, offset.checked_add(8)?)?;
    let last = u64::from_be_bytes(last);
    Some(format!(
        "{:08X}-{:04X}-{:04X}-{:04X}-{:012X}",
        u32_at(entry, offset)?,
        u16_at(entry, offset.checked_add(4)?)?,
        u16_at(entry, offset.checked_add(6)?)?,
        last >> 48,
        last & 0xffff_ffff_ffff
    ))
}

fn name(entry: &[u8]) -> Option<String> {
    let units =
        (0..NAME_LENGTH).map_while(|at| u16_at(entry, 56 + 2 * at).filter(|unit| *unit != 0));
    let name = String::from_utf16_lossy(&units.collect::<Vec<_>>());
    (!name.is_empty()).then_some(name)
}

/// The checksum of ISO 3309, reflected polynomial 0xedb88320.
fn crc32(bytes: &[u8]) -> u32 {
    let bit = |sum: u32, _| {
        if sum & 1 == 0 {
            sum >> 1
        } else {
            sum >> 1 ^ 0xedb8_8320
        }
    };
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), bit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn a_guid_is_written_as_tools_write_it() {
        let bytes = [
            0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0, 0xa0, 0xc9, 0x3e, 0xc9,
            0x3b,
        ];
        assert_eq!(
            guid(&bytes, 0).unwrap(),
            "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
        );
        assert_eq!(guid(&bytes, 1), None);
    }

    /// A header with these numbers and a right checksum.
    fn header(size: u32, entries: u64, count: u32, entry_size: u32) -> Vec<u8> {
        let mut header = vec![0; 512];
        header[..8].copy_from_slice(SIGNATURE);
        header[12..16].copy_from_slice(&size.to_le_bytes());
        header[24..32].copy_from_slice(&1_u64.to_le_bytes());
        header[72..80].copy_from_slice(&entries.to_le_bytes());
        header[80..84].copy_from_slice(&count.to_le_bytes());
        header[84..88].copy_from_slice(&entry_size.to_le_bytes());
        let sum = crc32(header.get(..size as usize).unwrap_or(&[]));
        header[16..20].copy_from_slice(&sum.to_le_bytes());
        header
    }

    #[test]
    fn numbers_from_the_disk_are_bounded() {
        let good = Layout::parse(&header(92, 2, 128, 128), 1).unwrap();
        assert_eq!(good.length(), Some(16384));
        assert_eq!(Layout::parse(&header(92, 2, 128, 128), 2), None);
        for (size, entry_size) in [
            (91, 128),
            (u32::MAX, 128),
            (92, 0),
            (92, 129),
            (92, 1 << 31),
        ] {
            assert_eq!(Layout::parse(&header(size, 2, 128, entry_size), 1), None);
        }
        let huge = Layout::parse(&header(92, u64::MAX, u32::MAX, 4096), 1).unwrap();
        assert_eq!(huge.length(), None);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(
            size: u32, entries: u64, count: u32, entry_size: u32, cut in 0..512_usize
        ) {
            let header = header(size % 600, entries, count, entry_size);
            let _ = Layout::parse(&header[..cut], 1);
            let _ = Layout::parse(&header, 1).map(|layout| layout.length());
        }

        #[test]
        fn no_entries_make_it_panic(entries: Vec<u8>, shift in 7..13_u32) {
            let _ = partitions(&entries, 1 << shift);
        }
    }
}
