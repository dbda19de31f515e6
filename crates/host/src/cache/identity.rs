//! What an image in the cache is known by.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::{self, Display};

use crate::digest::{Algorithm, Digest, Hasher};
use crate::fetch::Location;

/// Where an image comes from, or which digest it has. Its name in the cache is a hash, as a URL may hold
/// a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    hash: String,
    /// Without secrets.
    shown: String,
}

impl Identity {
    /// What is at a place. All of a URL counts: a query may choose the image, and a user what he may see.
    #[must_use]
    pub fn of_location(location: &Location) -> Self {
        Self::new("location", location.key(), location.name().to_owned())
    }

    /// What has this digest.
    #[must_use]
    pub fn of_digest(digest: &Digest) -> Self {
        let text = digest.to_string();
        Self::new("digest", &text, text.clone())
    }

    /// A download from one place of what has this digest there. Another place is another download, so
    /// that a server that is slow on purpose delays nobody who asks elsewhere.
    pub(super) fn of_download(digest: &Digest, location: &Location) -> Self {
        let text = format!("{digest} {}", location.key());
        Self::new("download", &text, location.name().to_owned())
    }

    fn new(kind: &str, text: &str, shown: String) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(kind.as_bytes());
        hasher.update(b" ");
        hasher.update(text.as_bytes());
        Identity {
            hash: hasher.finish().hex().to_owned(),
            shown,
        }
    }

    pub(super) fn hash(&self) -> &str {
        &self.hash
    }
}

/// Without its secrets.
impl Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}
