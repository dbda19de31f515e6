//! An NTFS whose journal is left as it is when Windows stops while it writes.
//!
//! No program here writes NTFS' journal, so its pages are made by hand: what the Linux-NTFS project
//! and ntfs-3g say of `$LogFile`. One transaction stands in it, which changes the content of a
//! small file.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};

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
    /// As Windows 8 and later have it while the volume is open: version 2.0.
    Cached,
}

/// The length of a page of the journal and of a record of the table of files, in bytes.
const PAGE: usize = 4096;
const RECORD: usize = 1024;
/// The number of `$LogFile` in the table of files, and that of the first file that a user has in
/// an NTFS by mkntfs(8).
const LOG: u64 = 2;
const FIRST: u64 = 64;
/// How many records are looked at.
const LOOKED_AT: u64 = 256;
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
    let (start, size) = volume.log()?;
    let change = volume.find(old, new)?;
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
    if journal != Journal::Torn {
        let full = PAGE - 0x20;
        let first = [change.record(begin), record(middle, NOOP, NOOP, filler)];
        put(FIRST_PAGE, &page(middle, middle, full, &first.concat()));
        let place = u64::try_from((FIRST_PAGE + 1) * PAGE)?;
        for copy in [2, 3] {
            put(copy, &page(place, end, BEGIN + 0x58, &last));
        }
        // What an earlier round has left at the end of the journal.
        let pages = usize::try_from(size)? / PAGE;
        let stale = log.sequence(pages - 1, BEGIN) & !log.sequence(0, 0);
        let rest = record(stale, NOOP, NOOP, full - BEGIN);
        put(pages - 1, &page(stale, stale, full, &rest));
    }
    for copy in [0, 1] {
        put(copy, &log.restart(journal, begin, end));
    }
    Ok(volume.file.write_all_at(&content, start)?)
}

struct Volume {
    file: File,
    cluster: u64,
    table: u64,
}

impl Volume {
    fn open(path: &Path) -> Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        let mut head = [0; 512];
        file.read_exact_at(&mut head, 0)?;
        let cluster = number(&head, 11, 2)? * number(&head, 13, 1)?;
        let table = number(&head, 48, 8)? * cluster;
        Ok(Volume {
            file,
            cluster,
            table,
        })
    }

    /// A record of the table of files, with the bytes in place that stand elsewhere.
    fn record(&self, at: u64) -> Result<Vec<u8>> {
        let mut record = vec![0; RECORD];
        let length = u64::try_from(RECORD)?;
        self.file
            .read_exact_at(&mut record, self.table + at * length)?;
        let from = place(&record, 4, 2)?;
        for sector in 1..=RECORD / 512 {
            let right = record.get(from + 2 * sector..from + 2 * sector + 2);
            let right = right.context("a record is damaged")?.to_vec();
            if let Some(place) = record.get_mut(sector * 512 - 2..sector * 512) {
                place.copy_from_slice(&right);
            }
        }
        Ok(record)
    }

    /// Where the journal lies, and how long it is, in bytes.
    fn log(&self) -> Result<(u64, u64)> {
        let record = self.record(LOG)?;
        let at = content_of(&record)?.context("the journal has no content")?;
        let size = number(&record, at + 48, 8)?;
        let run = at + place(&record, at + 32, 2)?;
        let widths = place(&record, run, 1)?;
        let (length, offset) = (widths & 0xf, widths >> 4);
        let clusters = number(&record, run + 1, length)?;
        anyhow::ensure!(clusters * self.cluster >= size, "the journal is in pieces");
        let first = number(&record, run + 1 + length, offset)?;
        Ok((first * self.cluster, size))
    }

    /// The file with this content, which stands in its record.
    fn find<'a>(&self, old: &'a [u8], new: &'a [u8]) -> Result<Change<'a>> {
        for number in FIRST..FIRST + LOOKED_AT {
            let record = self.record(number)?;
            let Some(attribute) = content_of(&record)? else {
                continue;
            };
            let value = place(&record, attribute + 20, 2)?;
            let content = record.get(attribute + value..).unwrap_or_default();
            if content.starts_with(old) {
                let at = number * u64::try_from(RECORD)?;
                return Ok(Change {
                    attribute: u16::try_from(attribute)?,
                    value: u16::try_from(value)?,
                    cluster: at / self.cluster,
                    lies: (self.table + at) / self.cluster,
                    sector: u16::try_from(at % self.cluster / 512)?,
                    old,
                    new,
                });
            }
        }
        anyhow::bail!("no small file has this content")
    }
}

/// Where the attribute with the content stands in a record.
fn content_of(record: &[u8]) -> Result<Option<usize>> {
    let mut at = place(record, 20, 2)?;
    loop {
        let (kind, length) = (number(record, at, 4)?, place(record, at + 4, 4)?);
        if kind == DATA {
            return Ok(Some(at));
        }
        if kind == u64::from(u32::MAX) || length == 0 {
            return Ok(None);
        }
        at += length;
    }
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

/// A page of records: what its third field says, its last record, where the next one goes.
fn page(copy: u64, last: u64, next: usize, records: &[u8]) -> Vec<u8> {
    let mut bytes = Block::of(PAGE);
    bytes.bytes(0, b"RCRD");
    bytes.halves(4, &[40, 9]);
    bytes.longs(8, &[copy]);
    let ends_record = 1;
    bytes.words(16, &[ends_record]);
    bytes.halves(20, &[1, 1, u16::try_from(next).unwrap_or_default()]);
    bytes.longs(32, &[last]);
    bytes.bytes(BEGIN, records);
    protected(bytes.0)
}

/// Puts a sign at the end of each sector against torn writes, and what stood there in front.
fn protected(mut page: Vec<u8>) -> Vec<u8> {
    let sign = [7, 0];
    let from = place(&page, 4, 2).unwrap_or_default();
    let mut kept = sign.to_vec();
    for sector in page.chunks_exact_mut(512) {
        if let Some(end) = sector.last_chunk_mut::<2>() {
            kept.extend(*end);
            *end = sign;
        }
    }
    let mut page = Block(page);
    page.bytes(from, &kept);
    page.0
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
