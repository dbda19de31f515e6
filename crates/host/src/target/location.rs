//! Where a disk is: on this node, or behind a URI.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use super::{Uri, UriError};

/// Where a disk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A block device or a regular file.
    Path(PathBuf),
    /// A disk that is reached by a protocol.
    Uri(Uri),
}

impl Location {
    /// Reads an argument of the command line, where a path may hold colons: only what begins with
    /// the name of a protocol and a colon is none.
    ///
    /// # Errors
    /// When a URI is not valid, or of a protocol that has no disks.
    pub fn of_argument(argument: &OsStr) -> Result<Self, UriError> {
        match argument.to_str() {
            Some(text) if Uri::is_meant(text) => Ok(Location::Uri(text.parse()?)),
            _ => Ok(Location::Path(argument.into())),
        }
    }

    /// Whether there is something at a path. What a URI leads to shows only when it is reached.
    #[must_use]
    pub fn exists(&self) -> bool {
        match self {
            Location::Path(path) => path.exists(),
            Location::Uri(_) => true,
        }
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Location::Path(path)
    }
}

/// As messages name it: without a secret.
impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Path(path) => path.display().fmt(formatter),
            Location::Uri(uri) => uri.fmt(formatter),
        }
    }
}
