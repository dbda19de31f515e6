//! What an NTFS says of itself in its file `$Volume`.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use crate::disk::bytes::{array, is_at, u16_at, u32_at, u64_at};
use crate::disk::device;
use crate::error::Result;

use super::{SECTOR, cluster};

/// Fields of the boot sector: the first cluster of the table of files, the length of a record.
const TABLE: usize = 48;
const RECORD: usize = 64;
/// The number of `$Volume` in the table of files, the first sixteen of which lie together.
const VOLUME: u64 = 3;
/// The longest record that is read, in bytes; Windows makes those of 1024 and of 4096.
const MAX_RECORD: u64 = 4096;

/// Fields of a record, and of its attributes (the Linux-NTFS project's "NTFS Documentation").
const FIXUPS: usize = 4;
const FIXUP_COUNT: usize = 6;
const ATTRIBUTES: usize = 20;
const LENGTH: usize = 4;
const VALUE: usize = 20;
/// The attribute that holds the flags, where they stand in it, and the end of all attributes.
const INFORMATION: u32 = 0x70;
const FLAGS: usize = 10;
const END: u32 = u32::MAX;
/// The flag by which Windows checks the volume when it starts.
const DIRTY: u16 = 1;
/// The last two bytes of each of these many stand elsewhere in the record.
const STRIDE: usize = 512;

/// Whether Windows will check a volume when it starts. One whose `$Volume` is not what Windows
/// makes counts as one that is not: this is only to tell of it.
///
/// # Errors
/// When the device cannot be read.
pub fn is_marked(device: &Path) -> Result<bool> {
    let head = device::head(device, 512)?;
    let place = place(&head);
    let record = match place {
        Some((at, length)) => device::bytes(device, at, length)?,
        None => Vec::new(),
    };
    let flags = unprotected(record).and_then(|record| flags(&record));
    Ok(flags.is_some_and(|flags| flags & DIRTY != 0))
}

/// Where the record of `$Volume` lies, and how long it is, in bytes.
fn place(head: &[u8]) -> Option<(u64, u64)> {
    let sector = u64::from(u16_at(head, SECTOR)?);
    let cluster = cluster(head, sector)?;
    let length = *head.get(RECORD)?;
    // Less than a cluster is written as a negative power of two.
    let length = match length {
        1..=127 => cluster.checked_mul(length.into())?,
        _ => 1_u64.checked_shl(u32::from(length.wrapping_neg()))?,
    };
    let table = u64_at(head, TABLE)?.checked_mul(cluster)?;
    let at = table.checked_add(length.checked_mul(VOLUME)?)?;
    (length <= MAX_RECORD).then_some((at, length))
}

/// A record with the bytes in place that stand elsewhere against torn writes.
fn unprotected(mut record: Vec<u8>) -> Option<Vec<u8>> {
    if !is_at(&record, 0, b"FILE") {
        return None;
    }
    let from = usize::from(u16_at(&record, FIXUPS)?);
    let count = usize::from(u16_at(&record, FIXUP_COUNT)?);
    let sign: [u8; 2] = array(&record, from)?;
    for number in 1..count {
        let right: [u8; 2] = array(&record, from + 2 * number)?;
        let end = number.checked_mul(STRIDE)?;
        let place = record.get_mut(end.checked_sub(2)?..end)?;
        if place != sign {
            return None;
        }
        place.copy_from_slice(&right);
    }
    Some(record)
}

fn flags(record: &[u8]) -> Option<u16> {
    let mut at = usize::from(u16_at(record, ATTRIBUTES)?);
    loop {
        let kind = u32_at(record, at)?;
        if kind == INFORMATION {
            let value = at.checked_add(usize::from(u16_at(record, at + VALUE)?))?;
            return u16_at(record, value.checked_add(FLAGS)?);
        }
        let length = usize::try_from(u32_at(record, at + LENGTH)?).ok()?;
        // Of none the walk would have no end.
        if kind == END || length == 0 {
            return None;
        }
        at = at.checked_add(length)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_record_makes_it_panic(
            head: Vec<u8>, mut record in prop::collection::vec(any::<u8>(), 0..1100), count in 0_u8..4
        ) {
            let _ = place(&head);
            let _ = flags(&record);
            if record.len() > 8 {
                record[..8].copy_from_slice(&[b'F', b'I', b'L', b'E', 8, 0, count, 0]);
            }
            let _ = unprotected(record);
        }
    }
}
