//! An image's bytes as the copy's process has them, before anything is made of them.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::Read;

use super::Content;
use crate::source::Source;

/// What is unpacked, spooled and interpreted, step by step, until it is a disk's [`Content`].
pub enum Bytes {
    /// All of them are there.
    File(Source),
    /// They come by and by.
    Stream {
        /// The bytes.
        bytes: Box<dyn Read + Send>,
        /// How many, where that is known.
        length: Option<u64>,
    },
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        match bytes {
            Bytes::File(source) => Content::Image(Box::new(source)),
            Bytes::Stream { bytes, length } => Content::Stream { bytes, length },
        }
    }
}
