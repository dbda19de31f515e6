//! A look at all tables of an image, before anything is made of what they lead to.
// SPDX-License-Identifier: BSD-2-Clause

use crate::entry::{Entry, table};
use crate::geometry::Geometry;
use crate::{Bytes, Error, Header, ReadError};

/// Bytes of the first-level table that are read at a time.
const PIECE: u64 = 64 << 10;

/// Bytes of a first-level entry.
const L1_ENTRY: u64 = 8;

/// The first-level table, as far as the disk needs it. The header was checked: it lies within
/// the file and is of bounded length.
pub(crate) fn first_level<B: Bytes>(
    bytes: &B,
    header: &Header,
) -> Result<Vec<u64>, ReadError<B::Error>> {
    let needed = header.l1_entries_needed();
    let end = needed.saturating_mul(L1_ENTRY);
    let mut entries = Vec::with_capacity(usize::try_from(needed).unwrap_or(0));
    let mut piece = Vec::new();
    let mut at = 0;
    while at < end {
        let length = PIECE.min(end - at);
        piece.resize(usize::try_from(length).unwrap_or(0), 0);
        let offset = header.l1_table_offset.saturating_add(at);
        bytes
            .read_at(&mut piece, offset)
            .map_err(ReadError::Bytes)?;
        entries.extend(words(&piece));
        at = at.saturating_add(length);
    }
    Ok(entries)
}

/// Looks whether each entry of each table leads to where it can. Tables that several entries
/// lead to are looked at once, so that the work is bounded by the length of the file.
pub(crate) fn survey<B: Bytes>(
    bytes: &B,
    first_level: &[u64],
    geometry: &Geometry,
) -> Result<(), ReadError<B::Error>> {
    let mut slice = vec![0; usize::try_from(geometry.slice).unwrap_or(0)];
    for (offset, index) in tables(first_level, geometry)? {
        let start = index.saturating_mul(geometry.table_span);
        let end = start.saturating_add(geometry.table_span).min(geometry.size);
        let (mut at, mut offset) = (start, offset);
        while at < end {
            bytes
                .read_at(&mut slice, offset)
                .map_err(ReadError::Bytes)?;
            let slice_end = at.saturating_add(geometry.slice_span).min(end);
            look_at(&slice, at..slice_end, geometry)?;
            offset = offset.saturating_add(geometry.slice);
            at = slice_end;
        }
    }
    Ok(())
}

/// Where the second-level tables begin, each with the first of the entries that lead to it: to that
/// one's part of the disk most of it belongs.
fn tables(first_level: &[u64], geometry: &Geometry) -> Result<Vec<(u64, u64)>, Error> {
    // Of exactly the size that is needed: it takes the most memory of all, 64 MiB.
    let count = first_level.iter().filter(|entry| **entry != 0).count();
    let mut tables = Vec::with_capacity(count);
    for (index, entry) in (0_u64..).zip(first_level) {
        if let Some(offset) = table(*entry, geometry)? {
            tables.push((offset, index));
        }
    }
    tables.sort_unstable();
    tables.dedup_by_key(|(offset, _)| *offset);
    Ok(tables)
}

/// The words of a table.
fn words(bytes: &[u8]) -> Vec<u64> {
    let words = bytes.chunks(8).map(<[u8]>::first_chunk);
    words
        .map(|word| word.map_or(0, |word| u64::from_be_bytes(*word)))
        .collect()
}

/// Looks at the entries of a slice that describes a range of the disk.
fn look_at(slice: &[u8], range: std::ops::Range<u64>, geometry: &Geometry) -> Result<(), Error> {
    let (mut at, mut offset) = (range.start, 0);
    while at < range.end {
        let entry = Entry::read(slice, offset, geometry);
        if entry.word != 0 || entry.subclusters != 0 {
            entry.extent(at, geometry)?;
        }
        offset = offset.saturating_add(geometry.entry);
        at = at.saturating_add(geometry.cluster);
    }
    Ok(())
}
