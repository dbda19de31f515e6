//! Why no back-end gives an image.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::path::PathBuf;

use crate::config::ConfigError;

/// Why no back-end gives an image.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// BACKENDS_DIR cannot be read.
    #[error("the directory of back-ends {path} (BACKENDS_DIR) cannot be read: {error}")]
    Directory {
        /// BACKENDS_DIR.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
    /// Others than root could put a program there.
    #[error(
        "the directory of back-ends {0} (BACKENDS_DIR) could be changed by others: it must belong to \
         root and be writable by its owner alone (chmod go-w)"
    )]
    Writable(PathBuf),
    /// The file with its variables.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// None of them knows the image.
    #[error("no source of images reads {scheme:?}, and no back-end in {path} (BACKENDS_DIR) does")]
    None {
        /// What comes before the colon of the image's name.
        scheme: String,
        /// BACKENDS_DIR.
        path: PathBuf,
    },
    /// One of them knows it, and failed.
    #[error("back-end {name}: {reason}")]
    Failed {
        /// The back-end.
        name: String,
        /// Why, in one line.
        reason: String,
    },
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
}
