//! Registry hives: values read and set in place, everything else as it is.
//!
//! A hive is a file of cells that point at each other (msuhanov's "Windows registry file format
//! specification"; the names here are those of that text). Nothing of it is believed: every
//! offset, count and length is checked against the file, no list is followed deeper than Windows
//! makes it, and only what lies on the path asked for is read.
// SPDX-License-Identifier: BSD-2-Clause

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::disk::bytes::{array, is_at, u32_at};
use crate::error::{Doing, Error, Result};
use crate::guest::root::Root;

mod cells;
mod keys;
mod lists;
mod logs;
mod marvin;
mod value;
mod values;

#[cfg(test)]
mod tests;

pub use value::Value;

/// How long the base block is, in bytes; offsets of cells count from its end.
const BASE: u32 = 4096;
/// Fields of the base block.
const SEQUENCE_1: usize = 4;
const SEQUENCE_2: usize = 8;
const MAJOR: usize = 20;
const MINOR: usize = 24;
const FORMAT: usize = 32;
const ROOT: usize = 36;
const BINS: usize = 40;
const CHECKSUM: usize = 508;
/// The largest hive that Windows makes, in bytes.
const MAX_BINS: u32 = 0x7fff_f000;

/// The most that is read of a hive before it is given up, in bytes; each cell counts as a page
/// more. A list in which the same keys stand again and again would else be searched for hours.
const MAX_READ: u64 = 1 << 30;

/// Where a cell lies, counted from the end of the base block.
type Offset = u32;

/// A hive of the image.
#[derive(Debug)]
pub struct Hive {
    file: File,
    /// How messages name it.
    name: String,
    /// The length of all bins, in bytes.
    bins: u32,
    root: Offset,
    minor: u32,
    /// The room left in a bin of ours: where it begins, and how long it is.
    room: (Offset, u32),
    /// Whether the file says that it is being written to.
    is_open: bool,
    /// How much may still be read, in bytes.
    left: Cell<u64>,
}

/// What a hive is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To read values.
    Read,
    /// To set some as well.
    Set,
}

impl Hive {
    /// Opens a hive of the image; `None` when there is no such file.
    ///
    /// # Errors
    /// When it is no hive, is damaged, or Windows has not finished writing it and `purpose` is to
    /// set values.
    pub fn open(root: &Root, path: &str, purpose: Purpose) -> Result<Option<Hive>> {
        let file = match purpose {
            Purpose::Read => root.look(path)?,
            Purpose::Set => root.edit(path)?,
        };
        file.map(|file| Hive::new(file, path, purpose)).transpose()
    }

    fn new(file: File, name: &str, purpose: Purpose) -> Result<Hive> {
        let mut hive = Hive::bare(file, name);
        let base = hive.base()?;
        let field = |at| u32_at(&base, at).unwrap_or_default();
        if !is_hive(&base) {
            return Err(hive.fault("it is no registry hive"));
        }
        if field(CHECKSUM) != checksum(&base) {
            return Err(hive.fault("the checksum of its first block is wrong"));
        }
        let is_finished = field(SEQUENCE_1) == field(SEQUENCE_2);
        if !is_finished && purpose == Purpose::Set {
            return Err(Error::image(format!(
                "{name} of the image was being written when the machine stopped, and its logs do not \
                 hold the rest: start Windows and shut it down"
            )));
        }
        let length = hive.file.metadata().doing(|| hive.reading())?.len();
        (hive.bins, hive.root, hive.minor) = (field(BINS), field(ROOT), field(MINOR));
        if u64::from(hive.bins) + u64::from(BASE) > length || hive.bins > MAX_BINS {
            return Err(hive.fault("it is shorter than it says"));
        }
        Ok(hive)
    }

    /// One of which nothing is known yet.
    fn bare(file: File, name: &str) -> Hive {
        Hive {
            file,
            name: name.into(),
            bins: 0,
            root: 0,
            minor: 0,
            room: (0, 0),
            is_open: false,
            left: Cell::new(MAX_READ),
        }
    }

    /// A value of a key; `None` when the key or the value is not there. Names of keys are parted
    /// by backslashes; upper and lower case are the same.
    ///
    /// # Errors
    /// When the hive is damaged there, or the value is longer than 1 MiB.
    pub fn value(&self, key: &str, name: &str) -> Result<Option<Value>> {
        match self.find(key)? {
            Some(key) => self.value_of(&key, name),
            None => Ok(None),
        }
    }

    /// Whether there is such a key.
    ///
    /// # Errors
    /// When the hive is damaged there.
    pub fn has_key(&self, key: &str) -> Result<bool> {
        Ok(self.find(key)?.is_some())
    }

    /// Sets a value, and makes the keys that are missing; they are protected as the one above.
    ///
    /// # Errors
    /// When the hive is damaged there, is full, or the value is longer than 16344 bytes.
    pub fn set(&mut self, key: &str, name: &str, value: &Value) -> Result<()> {
        self.begin()?;
        let key = self.find_or_make(key)?;
        self.set_value_of(&key, name, value)
    }

    /// Takes a value away. Says whether it was there.
    ///
    /// # Errors
    /// When the hive is damaged there.
    pub fn remove(&mut self, key: &str, name: &str) -> Result<bool> {
        if self.value(key, name)?.is_none() {
            return Ok(false);
        }
        self.begin()?;
        let key = self.find_or_make(key)?;
        self.remove_value_of(&key, name)?;
        Ok(true)
    }

    /// Says in the file that all of it is written. Without this Windows would take it for damaged.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        if !self.is_open {
            return Ok(());
        }
        self.is_open = false;
        let writing = || self.writing();
        self.file.sync_data().doing(writing)?;
        let mut base = self.base()?;
        let sequence: [u8; 4] = array(&base, SEQUENCE_1).unwrap_or_default();
        put(&mut base, SEQUENCE_2, &sequence);
        put(&mut base, BINS, &self.bins.to_le_bytes());
        self.write_base(&mut base)?;
        self.file.sync_data().doing(writing)
    }

    /// Says in the file that it is being written.
    fn begin(&mut self) -> Result<()> {
        if self.is_open {
            return Ok(());
        }
        let mut base = self.base()?;
        let sequence = u32_at(&base, SEQUENCE_1)
            .unwrap_or_default()
            .wrapping_add(1);
        put(&mut base, SEQUENCE_1, &sequence.to_le_bytes());
        self.write_base(&mut base)?;
        self.is_open = true;
        Ok(())
    }

    fn base(&self) -> Result<[u8; 512]> {
        let mut base = [0; 512];
        match self.file.read_exact_at(&mut base, 0) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.fault("it is no registry hive"))
            }
            read => read.doing(|| self.reading()).map(|()| base),
        }
    }

    fn write_base(&self, base: &mut [u8; 512]) -> Result<()> {
        let sum = checksum(base);
        put(base, CHECKSUM, &sum.to_le_bytes());
        self.file.write_all_at(base, 0).doing(|| self.writing())
    }

    fn writing(&self) -> String {
        format!("writing {} of the image", self.name)
    }

    fn reading(&self) -> String {
        format!("reading {} of the image", self.name)
    }

    /// The error that says that the hive is not as it has to be.
    fn fault(&self, why: &str) -> Error {
        Error::image(format!("{} of the image is damaged: {why}", self.name))
    }
}

/// Whether a base block begins a hive of a kind that is known.
fn is_hive(base: &[u8; 512]) -> bool {
    let is_one = |at| u32_at(base, at) == Some(1);
    is_at(base, 0, b"regf") && is_one(MAJOR) && is_one(FORMAT)
}

/// The checksum of the base block: 508 bytes, in words, by exclusive or.
fn checksum(base: &[u8; 512]) -> u32 {
    let words = base.chunks_exact(4).take(CHECKSUM / 4);
    let sum = words
        .filter_map(|word| u32_at(word, 0))
        .fold(0, |sum, word| sum ^ word);
    match sum {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        sum => sum,
    }
}

/// Puts bytes into others, as far as there is room for them.
fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    let end = at.saturating_add(new.len());
    if let Some(place) = bytes.get_mut(at..end) {
        place.copy_from_slice(new);
    }
}
