//! Why a copy did not come to a good end.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::path::PathBuf;

use crate::source::SourceError;
use crate::target::TargetError;

/// Why a copy did not come to a good end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// Image and target are one.
    #[error("image and target are the same file, {}", path.display())]
    SameFile {
        /// The target.
        path: PathBuf,
    },
    /// The image could not be read, or changed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The target could not be written.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The system gave no thread.
    #[error("cannot start a thread to copy with: {error}")]
    Thread {
        /// Why.
        error: io::Error,
    },
    /// Somebody asked to stop.
    #[error("the copy was cancelled; the target's content is incomplete")]
    Cancelled,
}
