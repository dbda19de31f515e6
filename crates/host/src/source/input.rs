//! What a copy reads: a file that is there, or a stream that somebody sends.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::Debug;
use std::fs::File;
use std::time::Duration;

use super::Source;
use crate::cancel::Cancel;

/// An image's bytes, before they reach the copy's process.
#[derive(Debug)]
pub enum Input {
    /// They lie in a file or on a block device.
    File(Source),
    /// They come by and by, and only once.
    Stream(Stream),
}

/// Bytes on their way.
#[derive(Debug)]
pub struct Stream {
    /// The end of a pipe or socket that is read; it blocks.
    pub bytes: File,
    /// What messages call the image.
    pub name: String,
    /// How many will come, where the sender has said so.
    pub length: Option<u64>,
    /// How long the copy may wait for a byte, where the sender does not see to that itself.
    pub patience: Option<Duration>,
    /// Who sends them.
    pub producer: Box<dyn Producer>,
}

/// Who sends a stream: a download, a program. Dropped, it is stopped and gone.
pub trait Producer: Debug + Send {
    /// Whether all of the stream was sent. It is asked once the stream has ended.
    ///
    /// # Errors
    /// When it was not, or that cannot be told before `cancel` is called.
    fn finish(self: Box<Self>, cancel: &Cancel) -> Result<(), ProducerError>;
}

/// Why not all of a stream was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProducerError {
    /// The sender failed, and this is why, in one line.
    #[error("{0}")]
    Failed(String),
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl Input {
    /// What messages call the image.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Input::File(source) => source.path().display().to_string(),
            Input::Stream(stream) => stream.name.clone(),
        }
    }

    /// How many bytes it has, where that is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match self {
            Input::File(source) => Some(source.length()),
            Input::Stream(stream) => stream.length,
        }
    }
}
