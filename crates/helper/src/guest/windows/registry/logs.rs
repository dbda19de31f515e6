//! Logs of a hive: what Windows wrote there and not into the hive yet is written into it.
//!
//! Windows writes changes into a log first, and into the hive when it comes to it. A hive whose
//! machine stopped in between is only half of what it was; the boot loader of Windows does the same
//! as is done here. Nothing in a log is believed, and one that does not fit the hive is left alone.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{ErrorKind, Result as IoResult};
use std::os::unix::fs::FileExt;

use super::marvin::checksum as marvin;
use super::{BASE, BINS, CHECKSUM, Hive, MAX_BINS, SEQUENCE_1, SEQUENCE_2, checksum, is_hive, put};
use crate::disk::bytes::{array, is_at, u32_at, u64_at};
use crate::error::{Doing, Result};
use crate::guest::root::Root;

/// The ends of the names of logs, in the order in which they are tried.
const ENDS: [&str; 2] = [".LOG1", ".LOG2"];
/// Fields of the base block, of which a log begins with a copy: when the hive was written, what
/// the file is, and flags, of which entries carry the lowest.
const WRITTEN: usize = 12;
const TYPE: usize = 28;
const FLAGS: usize = 144;
/// Types of logs: up to Windows 8 and Server 2012, and since.
const OF_PAGES: u32 = 1;
const OF_ENTRIES: u32 = 6;
/// The unit in which logs are made, in bytes.
const SECTOR: u64 = 512;
/// Bins begin and end at such offsets.
const PAGE: u32 = 4096;
/// The longest log that is read, and the longest entry, which is kept in memory, in bytes.
const MAX_LOG: u64 = 256 << 20;
const MAX_ENTRY: u32 = 32 << 20;
/// Fields of an entry, and where its references to pages begin.
const SIZE: usize = 4;
const ENTRY_FLAGS: usize = 8;
const SEQUENCE: usize = 12;
const ENTRY_BINS: usize = 16;
const PAGES: usize = 20;
const HASH_1: usize = 24;
const HASH_2: usize = 32;
const REFERENCES: usize = 40;

/// A log that is whole, and was begun with this sequence number.
struct Log {
    file: File,
    base: [u8; 512],
    first: u32,
}

/// An entry that is whole.
struct Entry {
    bytes: Vec<u8>,
    size: u32,
    sequence: u32,
    bins: u32,
    flags: u32,
    pages: usize,
}

impl Hive {
    /// Whether Windows had not finished writing a hive of the image; one that is not there, or is
    /// none, counts as finished.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn is_unfinished(root: &Root, path: &str) -> Result<bool> {
        let Some(file) = root.look(path)? else {
            return Ok(false);
        };
        let base = Hive::bare(file, path).base();
        Ok(base.is_ok_and(|base| is_unfinished(&base)))
    }

    /// Writes into a hive of the image what stands in its logs alone, and gives how many pages that
    /// were; `None` when the hive is finished, or no log fits it.
    ///
    /// # Errors
    /// When something cannot be read or written, a log is too long, or the hive is damaged with its
    /// log as well.
    pub fn replay(root: &Root, path: &str) -> Result<Option<usize>> {
        let Some(file) = root.edit(path)? else {
            return Ok(None);
        };
        let mut hive = Hive::bare(file, path);
        let mut base = hive.base()?;
        if !is_unfinished(&base) {
            return Ok(None);
        }
        let mut logs = Vec::new();
        for end in ENDS {
            let path = format!("{path}{end}");
            if let Some(file) = root.look(&path)? {
                logs.extend(Log::open(file, &path)?);
            }
        }
        let pages = hive.apply_entries(&mut base, &mut logs)?;
        let pages = match pages {
            0 => hive.apply_pages(&mut base, &logs)?,
            pages => pages,
        };
        if pages == 0 {
            return Ok(None);
        }
        hive.write_base(&mut base)?;
        hive.file.sync_data().doing(|| hive.writing())?;
        hive.bins = field(&base, BINS);
        hive.check_bins()?;
        Ok(Some(pages))
    }

    /// Applies the entries that follow each other, of one log and then of the other.
    fn apply_entries(&self, base: &mut [u8; 512], logs: &mut [Log]) -> Result<usize> {
        let finished = field(base, SEQUENCE_2);
        logs.sort_by_key(|log| log.first);
        let mut next = None;
        let mut pages = 0_usize;
        let fitting = |log: &&Log| log.is(OF_ENTRIES) && log.first >= finished;
        for log in logs.iter().filter(fitting) {
            if next.is_some_and(|next| next != log.first) {
                break;
            }
            let (mut at, mut sequence) = (SECTOR, log.first);
            while let Some(entry) = log.entry(at).doing(|| self.reading())? {
                if entry.sequence != sequence {
                    break;
                }
                self.apply(&entry)?;
                pages = pages.saturating_add(entry.pages);
                put(base, BINS, &entry.bins.to_le_bytes());
                let flags = field(base, FLAGS) & !1 | entry.flags & 1;
                put(base, FLAGS, &flags.to_le_bytes());
                put(base, SEQUENCE_1, &sequence.to_le_bytes());
                put(base, SEQUENCE_2, &sequence.to_le_bytes());
                at = at.saturating_add(entry.size.into());
                sequence = sequence.wrapping_add(1);
            }
            next = Some(sequence);
        }
        Ok(pages)
    }

    fn apply(&self, entry: &Entry) -> Result<()> {
        self.make_room(entry.bins)?;
        let references = entry.references();
        references.into_iter().flatten().try_for_each(|(at, page)| {
            let position = u64::from(at) + u64::from(BASE);
            let written = self.file.write_all_at(page, position);
            written.doing(|| self.writing())
        })
    }

    /// Applies a log of the older kind: one bit for each 512 bytes of the bins, and those whose bit
    /// is set.
    fn apply_pages(&self, base: &mut [u8; 512], logs: &[Log]) -> Result<usize> {
        let written: [u8; 8] = array(base, WRITTEN).unwrap_or_default();
        let fitting = |log: &&Log| log.is(OF_PAGES) && is_at(&log.base, WRITTEN, &written);
        let Some(log) = logs.iter().find(fitting) else {
            return Ok(0);
        };
        let bins = field(&log.base, BINS);
        let vector = log.vector(bins).doing(|| self.reading())?;
        let Some((vector, begin)) = vector else {
            return Ok(0);
        };
        self.make_room(bins)?;
        let mut from = begin;
        let mut to = u64::from(BASE);
        let mut pages = 0_usize;
        for byte in vector {
            for bit in 0..8 {
                if byte >> bit & 1 == 1 {
                    let mut page = [0; 512];
                    let read = log.file.read_exact_at(&mut page, from);
                    read.doing(|| self.reading())?;
                    let written = self.file.write_all_at(&page, to);
                    written.doing(|| self.writing())?;
                    from = from.saturating_add(SECTOR);
                    pages = pages.saturating_add(1);
                }
                to = to.saturating_add(SECTOR);
            }
        }
        put(base, BINS, &bins.to_le_bytes());
        let sequence: [u8; 4] = array(base, SEQUENCE_1).unwrap_or_default();
        put(base, SEQUENCE_2, &sequence);
        Ok(pages)
    }

    /// Makes the file long enough for so many bytes of bins.
    fn make_room(&self, bins: u32) -> Result<()> {
        let needed = u64::from(bins) + u64::from(BASE);
        let length = self.file.metadata().doing(|| self.reading())?.len();
        if length >= needed {
            return Ok(());
        }
        self.file.set_len(needed).doing(|| self.writing())
    }

    /// Looks whether one bin lies behind the other, up to the end.
    fn check_bins(&self) -> Result<()> {
        let mut at = 0_u32;
        while at < self.bins {
            let mut head = [0; 12];
            let position = u64::from(at) + u64::from(BASE);
            let read = self.file.read_exact_at(&mut head, position);
            read.doing(|| self.reading())?;
            let size = field(&head, 8);
            let next = at.checked_add(size).filter(|next| *next <= self.bins);
            match next {
                Some(next)
                    if is_at(&head, 0, b"hbin")
                        && field(&head, 4) == at
                        && size > 0
                        && size.is_multiple_of(PAGE) =>
                {
                    at = next;
                }
                _ => return Err(self.fault("its log does not make it whole")),
            }
        }
        Ok(())
    }
}

impl Log {
    /// Takes a file for a log, if it is a whole one.
    fn open(file: File, path: &str) -> Result<Option<Log>> {
        let reading = || format!("reading {path} of the image");
        let mut base = [0; 512];
        if !read(&file, &mut base, 0).doing(reading)? {
            return Ok(None);
        }
        let first = field(&base, SEQUENCE_1);
        let is_whole = is_at(&base, 0, b"regf")
            && field(&base, CHECKSUM) == checksum(&base)
            && first == field(&base, SEQUENCE_2);
        if !is_whole {
            return Ok(None);
        }
        if file.metadata().doing(reading)?.len() > MAX_LOG {
            return Err(crate::error::Error::image(format!(
                "{path} of the image is longer than {} MiB, the most that is read of such a file",
                MAX_LOG >> 20
            )));
        }
        Ok(Some(Log { file, base, first }))
    }

    fn is(&self, kind: u32) -> bool {
        field(&self.base, TYPE) == kind
    }

    /// The entry there; `None` when there is no whole one.
    fn entry(&self, at: u64) -> IoResult<Option<Entry>> {
        let mut head = [0; REFERENCES];
        if !read(&self.file, &mut head, at)? || !is_at(&head, 0, b"HvLE") {
            return Ok(None);
        }
        let size = field(&head, SIZE);
        if !(512..=MAX_ENTRY).contains(&size) || !size.is_multiple_of(512) {
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        if !read(&self.file, &mut bytes, at)? {
            return Ok(None);
        }
        let hash = |from: usize, to: usize| bytes.get(from..to).map(marvin);
        if hash(REFERENCES, bytes.len()) != u64_at(&bytes, HASH_1)
            || hash(0, HASH_2) != u64_at(&bytes, HASH_2)
        {
            return Ok(None);
        }
        let entry = Entry {
            size,
            sequence: field(&bytes, SEQUENCE),
            bins: field(&bytes, ENTRY_BINS),
            flags: field(&bytes, ENTRY_FLAGS),
            pages: usize::try_from(field(&bytes, PAGES)).unwrap_or(usize::MAX),
            bytes,
        };
        let is_fine = entry.bins.is_multiple_of(PAGE)
            && entry.bins <= MAX_BINS
            && entry.references().is_some();
        Ok(is_fine.then_some(entry))
    }

    /// The bits of a log of pages, and where the first page lies; `None` when it has not all of
    /// them.
    fn vector(&self, bins: u32) -> IoResult<Option<(Vec<u8>, u64)>> {
        if !bins.is_multiple_of(PAGE) || bins > MAX_BINS {
            return Ok(None);
        }
        let length = u64::from(bins) / SECTOR / 8;
        let mut vector = vec![0; usize::try_from(length).unwrap_or_default()];
        let mut sign = [0; 4];
        if !read(&self.file, &mut sign, SECTOR)? || sign != *b"DIRT" {
            return Ok(None);
        }
        if !read(&self.file, &mut vector, SECTOR + 4)? {
            return Ok(None);
        }
        let begin = (SECTOR + 4 + length).next_multiple_of(SECTOR);
        let pages: u64 = vector.iter().map(|byte| u64::from(byte.count_ones())).sum();
        let end = begin + pages * SECTOR;
        Ok((end <= self.file.metadata()?.len()).then_some((vector, begin)))
    }
}

impl Entry {
    /// Each page and its offset in the bins; `None` when one lies outside of the entry or of the
    /// bins.
    fn references(&self) -> Option<Vec<(u32, &[u8])>> {
        let mut from = self.pages.checked_mul(8)?.checked_add(REFERENCES)?;
        let table = self.bytes.get(REFERENCES..from)?;
        let mut found = Vec::new();
        for reference in table.chunks_exact(8) {
            let (at, size) = (u32_at(reference, 0)?, u32_at(reference, 4)?);
            if at.checked_add(size)? > self.bins {
                return None;
            }
            let to = from.checked_add(usize::try_from(size).ok()?)?;
            found.push((at, self.bytes.get(from..to)?));
            from = to;
        }
        Some(found)
    }
}

/// Whether a hive with this base block is one, and not finished.
fn is_unfinished(base: &[u8; 512]) -> bool {
    is_hive(base)
        && field(base, CHECKSUM) == checksum(base)
        && field(base, SEQUENCE_1) != field(base, SEQUENCE_2)
}

fn field(bytes: &[u8], at: usize) -> u32 {
    u32_at(bytes, at).unwrap_or_default()
}

/// Fills bytes from a file; whether there are so many.
fn read(file: &File, bytes: &mut [u8], at: u64) -> IoResult<bool> {
    match file.read_exact_at(bytes, at) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
