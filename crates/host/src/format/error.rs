//! Why an image cannot be read.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;

use crate::source::SourceError;

/// Why an image cannot be read. The text names the cause; who has the image's name puts it
/// in front where it is missing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file with the image cannot be read, or has changed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The bytes stopped coming, or cannot be unpacked.
    #[error("reading the image: {0}")]
    Stream(io::Error),
    /// It is not a dump of such a file system.
    #[error("the image is no dump of {expected} file system: {reason}; check the format")]
    NoFileSystem {
        /// Which, with its article.
        expected: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// It ends before the file system that it begins with.
    #[error("the image is truncated: it has {present} bytes of the file system's {needed}")]
    Truncated {
        /// Bytes that are there.
        present: u64,
        /// Bytes that the superblock or boot sector announces.
        needed: u64,
    },
}
