//! Reads a master boot record and the chain of logical partitions within bounds.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::disk::bytes::{array, is_at, u32_at};
use crate::disk::table::Partition;

/// The type of the entry that protects a GPT.
const PROTECTIVE: u8 = 0xee;
/// The types of an extended partition.
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];
/// The most logical partitions that Linux numbers on one disk, as a bound of the chain.
const MAX_LOGICAL: usize = 60;

/// A master boot record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mbr {
    /// The partitions in the order of their numbers.
    pub partitions: Vec<Partition>,
    /// Whether it only protects a GPT.
    pub is_protective: bool,
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MbrError {
    /// The chain leads out of the extended partition.
    #[error("the chain of logical partitions leads out of the extended one")]
    Outside,
    /// A link of the chain cannot be read or is none.
    #[error("the chain of logical partitions is broken")]
    Broken,
    /// More links than partitions can have numbers.
    #[error("the chain of logical partitions has no end")]
    Endless,
}

/// One of the four entries of a record, its numbers as they stand there.
#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: u8,
    start: u64,
    size: u64,
}

impl Entry {
    fn is_extended(&self) -> bool {
        EXTENDED.contains(&self.kind)
    }
}

impl Mbr {
    /// Reads the record at the start of a disk. `None`: there is none.
    ///
    /// # Errors
    /// When the chain of logical partitions is damaged.
    pub fn read(disk: &File, sector_size: u64) -> Result<Option<Mbr>, MbrError> {
        let mut record = [0; 512];
        if disk.read_exact_at(&mut record, 0).is_err() {
            return Ok(None);
        }
        let Some(entries) = entries(&record) else {
            return Ok(None);
        };
        let id = u32_at(&record, 440).unwrap_or_default();
        let mut partitions = Vec::new();
        for (entry, number) in entries.iter().zip(1..) {
            if entry.size > 0 && entry.kind != 0 {
                partitions.push(partition(number, id, entry.start, entry));
            }
        }
        if let Some(extended) = entries
            .iter()
            .find(|entry| entry.is_extended() && entry.size > 0)
        {
            let logical = logical(disk, sector_size, extended)?;
            for ((start, entry), number) in logical.iter().zip(5..) {
                partitions.push(partition(number, id, *start, entry));
            }
        }
        Ok(Some(Mbr {
            partitions,
            is_protective: entries.iter().any(|entry| entry.kind == PROTECTIVE),
        }))
    }
}

fn partition(number: u32, id: u32, start: u64, entry: &Entry) -> Partition {
    Partition {
        number,
        start,
        size: entry.size,
        kind: format!("{:02X}", entry.kind),
        part_uuid: format!("{id:08x}-{number:02x}"),
        name: None,
        attributes: 0,
    }
}

/// Follows the chain through an extended partition: each link is a record of its own with
/// one logical partition, counted from the link, and the next link, counted from the start
/// of the extended partition.
fn logical(disk: &File, sector_size: u64, extended: &Entry) -> Result<Vec<(u64, Entry)>, MbrError> {
    let mut found = Vec::new();
    let mut offset = 0;
    for _ in 0..=MAX_LOGICAL {
        if offset >= extended.size {
            return Err(MbrError::Outside);
        }
        let link = extended.start + offset;
        let mut record = [0; 512];
        let read = disk.read_exact_at(&mut record, link.saturating_mul(sector_size));
        let entries = read
            .ok()
            .and_then(|()| entries(&record))
            .ok_or(MbrError::Broken)?;
        let data = entries
            .iter()
            .find(|entry| !entry.is_extended() && entry.size > 0);
        if let Some(entry) = data {
            found.push((link + entry.start, *entry));
        }
        match entries
            .iter()
            .find(|entry| entry.is_extended() && entry.size > 0)
        {
            None => return Ok(found),
            Some(next) => offset = next.start,
        }
    }
    Err(MbrError::Endless)
}

/// The four entries of a record. `None`: it is none, by its signature or by the flags that
/// say from which partition to boot.
fn entries(record: &[u8; 512]) -> Option<[Entry; 4]> {
    if !is_at(record, 510, &[0x55, 0xaa]) {
        return None;
    }
    let entry = |place: usize| {
        let entry: [u8; 16] = array(record, 446 + 16 * place)?;
        let [flag, _, _, _, kind, ..] = entry;
        (flag & 0x7f == 0).then_some(())?;
        Some(Entry {
            kind,
            start: u32_at(&entry, 8)?.into(),
            size: u32_at(&entry, 12)?.into(),
        })
    };
    Some([entry(0)?, entry(1)?, entry(2)?, entry(3)?])
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    /// Type, start, size.
    type Numbers = (u8, u32, u32);

    /// A disk on which some sectors are records with these entries.
    fn disk(records: &[(usize, &[Numbers])]) -> File {
        let mut bytes = vec![0; 64 * 512];
        for (sector, entries) in records {
            let record = &mut bytes[sector * 512..(sector + 1) * 512];
            record[510..].copy_from_slice(&[0x55, 0xaa]);
            for (place, (kind, start, size)) in entries.iter().enumerate() {
                let entry = &mut record[446 + 16 * place..][..16];
                entry[4] = *kind;
                entry[8..12].copy_from_slice(&start.to_le_bytes());
                entry[12..16].copy_from_slice(&size.to_le_bytes());
            }
        }
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        file
    }

    #[test]
    fn a_chain_that_bites_its_tail_ends() {
        let disk = disk(&[(0, &[(5, 10, 50)]), (10, &[(0x83, 1, 1), (5, 0, 50)])]);
        assert_eq!(Mbr::read(&disk, 512), Err(MbrError::Endless));
    }

    #[test]
    fn a_chain_that_leads_elsewhere_is_refused() {
        let outside = disk(&[(0, &[(5, 10, 50)]), (10, &[(0x83, 1, 1), (5, 50, 5)])]);
        assert_eq!(Mbr::read(&outside, 512), Err(MbrError::Outside));
        let broken = disk(&[(0, &[(5, 10, 50)])]);
        assert_eq!(Mbr::read(&broken, 512), Err(MbrError::Broken));
        let beyond = disk(&[(0, &[(5, u32::MAX, u32::MAX)])]);
        assert_eq!(Mbr::read(&beyond, 512), Err(MbrError::Broken));
    }

    #[test]
    fn a_boot_sector_that_is_no_record_is_none() {
        let mut sector = vec![0x90; 512];
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&sector).unwrap();
        assert_eq!(Mbr::read(&file, 512), Ok(None));
    }

    proptest! {
        #[test]
        fn no_record_makes_it_panic(
            numbers in proptest::collection::vec((0..6_u8, 0..64_u32, any::<u32>()), 16)
        ) {
            let records: Vec<_> = numbers.chunks(4).enumerate()
                .map(|(at, entries)| (at * 10, entries)).collect();
            let _ = Mbr::read(&disk(&records), 512);
        }
    }
}
