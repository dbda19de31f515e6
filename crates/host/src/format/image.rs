//! The two ways in which a disk's content can be read: at any place, or from its beginning.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::Read;
use std::ops::Range;

use super::ImageError;
use crate::source::Source;

/// A disk's content that can be read at any place, by several threads at once.
pub trait Image: Sync {
    /// Its length in bytes.
    fn length(&self) -> u64;

    /// The next range that may hold data at or after `from`; the bytes before it are zeroes.
    /// `None` when there are only zeroes up to the end.
    ///
    /// # Errors
    /// When the image cannot be read.
    fn next_data(&self, from: u64) -> Result<Option<Range<u64>>, ImageError>;

    /// Fills `buffer` with the bytes at `offset`.
    ///
    /// # Errors
    /// When the image cannot be read, or ends before.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), ImageError>;

    /// The unit in bytes, a power of two, that is best read in one go.
    fn grain(&self) -> usize {
        1
    }

    /// The file whose bytes these are, where they are just a file's.
    fn as_file(&self) -> Option<&File> {
        None
    }

    /// Looks whether the image is still what it was.
    ///
    /// # Errors
    /// When somebody has written to it.
    fn check_unchanged(&self) -> Result<(), ImageError> {
        Ok(())
    }
}

/// A raw dump of a disk in a file.
impl Image for Source {
    fn length(&self) -> u64 {
        Source::length(self)
    }

    fn next_data(&self, from: u64) -> Result<Option<Range<u64>>, ImageError> {
        Ok(Source::next_data(self, from)?)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), ImageError> {
        Ok(Source::read_at(self, buffer, offset)?)
    }

    fn as_file(&self) -> Option<&File> {
        Some(self.reader())
    }

    fn check_unchanged(&self) -> Result<(), ImageError> {
        Ok(Source::check_unchanged(self)?)
    }
}

/// A disk's content.
pub enum Content {
    /// All of it is there.
    Image(Box<dyn Image>),
    /// It comes by and by.
    Stream {
        /// The disk's bytes.
        bytes: Box<dyn Read + Send>,
        /// How many, where that is known.
        length: Option<u64>,
    },
}

impl Content {
    /// The length in bytes, where it is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match self {
            Content::Image(image) => Some(image.length()),
            Content::Stream { length, .. } => *length,
        }
    }
}
