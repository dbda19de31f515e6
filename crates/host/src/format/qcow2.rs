//! Disks in QEMU's format qcow2.
// SPDX-License-Identifier: BSD-2-Clause

use std::ops::Range;

use snf_image_qcow2::{Bytes, Image as Reader, ReadError};

use super::{Content, Image, ImageError};
use crate::source::{Source, SourceError};

/// The most bytes that a disk may have: what the system's offsets can say.
const MOST: u64 = i64::MAX.cast_unsigned();

/// Zeroes that take less, in bytes, are handed out with the data around them: where they must
/// be made, they are written faster than made.
const GAP: u64 = 512 << 10;

/// The disk in an image.
///
/// # Errors
/// When it is no qcow2 image, or not one that can be read from its own bytes alone.
pub(super) fn open(source: Source) -> Result<Content, ImageError> {
    let reader = Reader::open(InSource(source), MOST)?;
    Ok(Content::Image(Box::new(Disk(reader))))
}

struct InSource(Source);

impl Bytes for InSource {
    type Error = SourceError;

    fn length(&self) -> u64 {
        self.0.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), SourceError> {
        self.0.read_at(buffer, offset)
    }
}

impl From<ReadError<SourceError>> for ImageError {
    fn from(error: ReadError<SourceError>) -> Self {
        match error {
            ReadError::Image(error) => ImageError::Qcow2(error),
            ReadError::Bytes(error) => ImageError::Source(error),
        }
    }
}

struct Disk(Reader<InSource>);

impl Image for Disk {
    fn length(&self) -> u64 {
        self.0.size()
    }

    fn next_data(&self, from: u64) -> Result<Option<Range<u64>>, ImageError> {
        Ok(self.0.next_data(from, GAP)?)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), ImageError> {
        Ok(self.0.read_at(buffer, offset)?)
    }

    fn grain(&self) -> usize {
        usize::try_from(self.0.cluster_size()).unwrap_or(1)
    }

    fn check_unchanged(&self) -> Result<(), ImageError> {
        Ok(self.0.bytes().0.check_unchanged()?)
    }
}
