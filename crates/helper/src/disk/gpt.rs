//! The few fields of a GPT header that `sfdisk` does not show.
// SPDX-License-Identifier: BSD-2-Clause

use crate::disk::bytes::{is_at, u32_at, u64_at};

/// The signature that opens a GPT header (UEFI specification, 5.3.2).
const SIGNATURE: &[u8] = b"EFI PART";
/// The least room that the specification gives to the entries, in bytes.
const MIN_ENTRIES: u64 = 16 << 10;
/// More entries than anybody has, as a bound: 4096 of 128 bytes.
const MAX_ENTRIES: u64 = 512 << 10;

/// A GPT header, unchecked: `sfdisk` judges it, this only tells where things lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The sector of the other header.
    pub alternate: u64,
    /// The room that the entries take, in bytes.
    entries: u64,
}

impl Header {
    /// Reads the header in the second sector of a disk.
    #[must_use]
    pub fn parse(head: &[u8], sector_size: u64) -> Option<Header> {
        let start = usize::try_from(sector_size).ok()?;
        let header = head.get(start..)?;
        if !is_at(header, 0, SIGNATURE) {
            return None;
        }
        let entries = u64::from(u32_at(header, 80)?).checked_mul(u32_at(header, 84)?.into())?;
        Some(Header {
            alternate: u64_at(header, 32)?,
            entries: entries.clamp(MIN_ENTRIES, MAX_ENTRIES),
        })
    }

    /// Whether the start of a disk holds a header, for either size of a sector.
    #[must_use]
    pub fn is_there(head: &[u8]) -> bool {
        Header::parse(head, 512).is_some() || Header::parse(head, 4096).is_some()
    }

    /// How many sectors at the end of the disk the backup takes: its entries, its header.
    #[must_use]
    pub fn backup_sectors(&self, sector_size: u64) -> u64 {
        self.entries.div_ceil(sector_size.max(512)).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(count: u32, size: u32) -> Vec<u8> {
        let mut head = vec![0; 8192];
        head[512..520].copy_from_slice(SIGNATURE);
        head[512 + 32..512 + 40].copy_from_slice(&131_071_u64.to_le_bytes());
        head[512 + 80..512 + 84].copy_from_slice(&count.to_le_bytes());
        head[512 + 84..512 + 88].copy_from_slice(&size.to_le_bytes());
        head
    }

    #[test]
    fn the_standard_backup_takes_33_sectors() {
        let header = Header::parse(&head(128, 128), 512).unwrap();
        assert_eq!(header.alternate, 131_071);
        assert_eq!(header.backup_sectors(512), 33);
        assert_eq!(header.backup_sectors(4096), 5);
    }

    #[test]
    fn numbers_from_the_disk_are_bounded() {
        let header = Header::parse(&head(u32::MAX, u32::MAX), 512).unwrap();
        assert_eq!(header.backup_sectors(512), 1025);
        let header = Header::parse(&head(0, 0), 512).unwrap();
        assert_eq!(header.backup_sectors(512), 33);
        assert_eq!(Header::parse(&[0; 100], 512), None);
        assert_eq!(Header::parse(&head(128, 128)[..560], 512), None);
    }
}
