//! What must hold of an image's bytes.
// SPDX-License-Identifier: BSD-2-Clause

use super::signature::Signature;
use crate::digest::Digest;

/// What must hold of an image's bytes as they come, before they are unpacked.
#[derive(Debug, Default)]
pub struct Checks {
    /// Their digest.
    pub digest: Option<Digest>,
    /// Their digest as it was when they were put into the cache.
    pub kept: Option<Digest>,
    /// Their signature, by one of the node's keys.
    pub signature: Option<Signature>,
}

impl Checks {
    /// Whether any bytes will do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.digest.is_none() && self.kept.is_none() && self.signature.is_none()
    }
}
