//! An NTFS whose journal is left as it is when Windows stops while it writes.
//!
//! No program here writes NTFS' journal, so its pages are made by hand: what the Linux-NTFS project
//! and ntfs-3g say of `$LogFile`. One transaction stands in it, which changes the content of a
//! small file.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::records::{FIRST, RECORD, Volume, attribute, protected, run};
use crate::bytes::{Block, number, place};

/// How the journal is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    /// Closed: everything in it was done.
    Clean,
    /// Open, with a transaction that was committed and not done.
    Committed,
    /// Open, with a transaction that was begun and not committed.
    Begun,
    /// Open, and its records are gone.
    Torn,
    /// Open, and in no page of it does a record end, so that who looks for one goes round and round.
    Endless,
    /// As Windows 8 and later have it while the volume is open: version 2.0.
    Cached,
}

/// The length of a page of the journal, in bytes.
const PAGE: usize = 4096;
/// The number of `$LogFile` in the table of files.
const LOG: u64 = 2;
/// How many records are looked at.
const LOOKED_AT: u64 = 1024;
/// The type of an attribute that holds content.
const DATA: u64 = 0x80;
/// Where records begin in a page of the journal, and where the first page with records lies.
const BEGIN: usize = 0x40;
const FIRST_PAGE: usize = 4;
/// Operations: nothing, the undoing of one, a value in a record of the table of files, the end of a
/// transaction.
const NOOP: u16 = 0;
const COMPENSATION: u16 = 1;
const UPDATE: u16 = 7;
const FORGET: u16 = 27;
/// What stands for the transaction, its attribute, and no client.
const TRANSACTION: u32 = 0x18;
const TRANSACTION_ATTRIBUTE: u16 = 0x18;
const NONE: u16 = u16::MAX;

/// Leaves a journal in which the content `old` of a file becomes `new`, which is as long.
///
/// # Errors
/// When there is no such small file, or no such NTFS as mkntfs(8) makes.
pub fn leave(path: &Path, journal: Journal, old: &[u8], new: &[u8]) -> Result<()> {
    let volume = Volume::open(path)?;
    let (start, size) = log_of(&volume)?;
    let change = find(&volume, old, new)?;
    let log = Log { size };
    let mut content = vec![0xff; usize::try_from(size)?];
    let mut put = |page: usize, bytes: &[u8]| {
        if let Some(place) = content.get_mut(page * PAGE..(page + 1) * PAGE) {
            place.copy_from_slice(bytes);
        }
    };
    // The change fills a page with one that does nothing; what ends the transaction is in a page
    // that has not got to its place yet.
    let places = [
        log.sequence(FIRST_PAGE, BEGIN),
        log.sequence(FIRST_PAGE, BEGIN + change.length()),
        log.sequence(FIRST_PAGE + 1, BEGIN),
    ];
    let [begin, middle, end] = places;
    let filler = PAGE - BEGIN - change.length() - 0x20;
    let last = if journal == Journal::Begun {
        record(end, NOOP, NOOP, 0x58)
    } else {
        record(end, FORGET, COMPENSATION, 0x58)
    };
    let ends = u32::from(journal != Journal::Endless);
    if journal != Journal::Torn {
        let full = PAGE - 0x20;
        let first = [change.record(begin), record(middle, NOOP, NOOP, filler)];
        put(
            FIRST_PAGE,
            &page([middle, middle], ends, full, &first.concat()),
        );
        let place = u64::try_from((FIRST_PAGE + 1) * PAGE)?;
        for copy in [2, 3] {
            put(copy, &page([place, end], ends, BEGIN + 0x58, &last));
        }
        // What an earlier round has left at the end of the journal.
        let pages = usize::try_from(size)? / PAGE;
        if journal == Journal::Endless {
            (FIRST_PAGE + 1..pages - 1)
                .for_each(|at| put(at, &page([middle, middle], ends, 0, &[])));
        }
        let stale = log.sequence(pages - 1, BEGIN) & !log.sequence(0, 0);
        let rest = record(stale, NOOP, NOOP, full - BEGIN);
        put(pages - 1, &page([stale, stale], ends, full, &rest));
    }
    for copy in [0, 1] {
        put(copy, &log.restart(journal, begin, end));
    }
    Ok(volume.file.write_all_at(&content, start)?)
}

/// Where the journal lies, and how long it is, in bytes.
fn log_of(volume: &Volume) -> Result<(u64, u64)> {
    let record = volume.record(LOG)?;
    let at = attribute(&record, DATA)?.context("the journal has no content")?;
    let size = number(&record, at + 48, 8)?;
    let (first, clusters) = run(&record, at)?;
    anyhow::ensure!(
        clusters * volume.cluster >= size,
        "the journal is in pieces"
    );
    Ok((first * volume.cluster, size))
}

/// The file with this content, which stands in its record.
fn find<'a>(volume: &Volume, old: &'a [u8], new: &'a [u8]) -> Result<Change<'a>> {
    for number in FIRST..FIRST + LOOKED_AT {
        let record = volume.record(number)?;
        let Some(attribute) = attribute(&record, DATA)? else {
            continue;
        };
        let value = place(&record, attribute + 20, 2)?;
        let content = record.get(attribute + value..).unwrap_or_default();
        if content.starts_with(old) {
            let at = number * u64::try_from(RECORD)?;
            return Ok(Change {
                attribute: u16::try_from(attribute)?,
                value: u16::try_from(value)?,
                cluster: at / volume.cluster,
                lies: (volume.table + at) / volume.cluster,
                sector: u16::try_from(at % volume.cluster / 512)?,
                old,
                new,
            });
        }
    }
    anyhow::bail!("no small file has this content")
}

/// A change of a value in a record of the table of files.
struct Change<'a> {
    attribute: u16,
    value: u16,
    /// The cluster of the record: in the table, and on the device.
    cluster: u64,
    lies: u64,
    /// Where it begins in that cluster, in sectors.
    sector: u16,
    old: &'a [u8],
    new: &'a [u8],
}

impl Change<'_> {
    /// What is kept of it in the journal, in bytes.
    fn length(&self) -> usize {
        0x58 + 2 * self.new.len().next_multiple_of(8)
    }

    fn record(&self, sequence: u64) -> Vec<u8> {
        let mut bytes = Block(record(sequence, UPDATE, UPDATE, self.length()));
        let length = u16::try_from(self.new.len()).unwrap_or_default();
        let data = 0x28;
        let undo = data + length.next_multiple_of(8);
        // Offsets count from 0x30, where the operation begins.
        bytes.halves(
            0x34,
            &[data, length, undo, length, TRANSACTION_ATTRIBUTE, 1],
        );
        let acts_on_table = 2;
        let place = [self.attribute, self.value, self.sector, acts_on_table];
        bytes.halves(0x40, &place);
        bytes.longs(0x48, &[self.cluster, self.lies]);
        bytes.bytes(0x58, self.new);
        bytes.bytes(0x58 + self.new.len().next_multiple_of(8), self.old);
        bytes.0
    }
}

/// A record of the journal, so long with its header.
fn record(sequence: u64, redo: u16, undo: u16, length: usize) -> Vec<u8> {
    let mut bytes = Block::of(length);
    bytes.longs(0, &[sequence]);
    let rest = u32::try_from(length).unwrap_or_default() - 0x30;
    let standard = 1;
    bytes.words(0x18, &[rest, 0, standard, TRANSACTION]);
    bytes.halves(0x30, &[redo, undo, 0x28, 0, 0x28]);
    bytes.0
}

/// A page of records: what its third field says and its last record, whether one ends in it, where
/// the next one goes.
fn page([copy, last]: [u64; 2], ends: u32, next: usize, records: &[u8]) -> Vec<u8> {
    let mut bytes = Block::of(PAGE);
    bytes.bytes(0, b"RCRD");
    bytes.halves(4, &[40, 9]);
    bytes.longs(8, &[copy]);
    bytes.words(16, &[ends]);
    bytes.halves(20, &[1, 1, u16::try_from(next).unwrap_or_default()]);
    bytes.longs(32, &[last]);
    bytes.bytes(BEGIN, records);
    protected(bytes.0)
}

struct Log {
    size: u64,
}

impl Log {
    /// How many bits of a sequence number count the rounds of the journal.
    fn bits(&self) -> u32 {
        67 - (u64::BITS - self.size.leading_zeros())
    }

    /// The sequence number of what stands there in the second round.
    fn sequence(&self, page: usize, at: usize) -> u64 {
        let place = u64::try_from(page * PAGE + at).unwrap_or_default();
        2 << (u64::BITS - self.bits()) | place >> 3
    }

    /// What a restart begins with: the oldest record that is needed, and the last one.
    fn restart(&self, journal: Journal, oldest: u64, last: u64) -> Vec<u8> {
        let mut bytes = Block::of(PAGE);
        bytes.bytes(0, b"RSTR");
        bytes.halves(4, &[30, 9]);
        bytes.words(16, &[4096, 4096]);
        let version = if journal == Journal::Cached {
            [0, 2]
        } else {
            [1, 1]
        };
        let area = 0x30;
        bytes.halves(24, &[0x30, version[0], version[1]]);
        let is_clean = u16::from(journal == Journal::Clean) << 1;
        bytes.longs(area, &[last]);
        bytes.halves(area + 8, &[1, NONE, 0, is_clean]);
        bytes.words(area + 16, &[self.bits()]);
        let client = 0x40;
        bytes.halves(area + 20, &[0x40 + 160, 0x40]);
        bytes.longs(area + 24, &[self.size]);
        bytes.words(area + 32, &[0x28]);
        bytes.halves(area + 36, &[0x30, 0x40, 1]);
        bytes.longs(area + client, &[oldest, last]);
        bytes.halves(area + client + 16, &[NONE, NONE]);
        bytes.words(area + client + 28, &[8]);
        bytes.bytes(area + client + 32, b"N\0T\0F\0S\0");
        protected(bytes.0)
    }
}
