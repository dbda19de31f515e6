//! Why a copy did not come to a good end.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::path::PathBuf;

use crate::format::ImageError;
use crate::target::TargetError;

/// Why a copy did not come to a good end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The image could not be read, or changed.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The target could not be written.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The stream had nothing in it.
    #[error("the image is empty")]
    Empty,
    /// The stream was not as long as announced.
    #[error("the image should have {expected} bytes, and {came} came")]
    Length {
        /// Bytes that came.
        came: u64,
        /// Bytes that were announced.
        expected: u64,
    },
    /// The stream goes on behind the target's end.
    #[error("the image has more than the {capacity} bytes of target {}; use a larger one, or give a file a larger size", path.display())]
    TooLong {
        /// The target.
        path: PathBuf,
        /// Its size.
        capacity: u64,
    },
    /// The system gave no thread.
    #[error("cannot start a thread to copy with: {error}")]
    Thread {
        /// Why.
        error: io::Error,
    },
    /// Another part failed, and its failure is told.
    #[error("the copy was stopped; the target's content is incomplete")]
    Stopped,
}
