//! Why the place of an image is not known.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::path::PathBuf;

/// Why the place of an image is not known. No error holds anything that stands in a file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No file speaks of it.
    #[error(
        "no file *.{ending} in {} (STORES_DIR) lists {what}: add it to {list} of one that should be open \
         to whoever may choose an image", directory.display()
    )]
    Unknown {
        /// What was looked for, such as `bucket images`.
        what: String,
        /// How the names of files of its kind end.
        ending: &'static str,
        /// The variable that would list it.
        list: &'static str,
        /// STORES_DIR.
        directory: PathBuf,
    },
    /// A file cannot be read.
    #[error("reading {}: {error}", path.display())]
    Read {
        /// The file, or STORES_DIR.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
    /// Others can see what it holds.
    #[error(
        "the credentials in {} are not kept secret: the file must belong to root and be open to its \
         owner alone (chown root, chmod 600)", .0.display()
    )]
    Exposed(PathBuf),
    /// It says something wrong.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, without the value.
        reason: String,
    },
}
