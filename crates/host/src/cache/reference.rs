//! From where an image comes to the image: small files beside it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::directory::{Cache, remove};
use super::identity::Identity;
use crate::digest::Digest;

/// What the names of these files begin with, and those of unfinished ones.
pub(super) const PREFIX: &str = "reference-";
pub(super) const UNFINISHED: &str = "new-reference-";

/// The largest of them, in bytes: a URL, a validator and a digest.
const LARGEST: u64 = 64 << 10;

/// Which image it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Reference {
    /// The image's digest, and so its name.
    pub(super) sha256: Digest,
    /// Where it came from, without secrets.
    pub(super) name: String,
    /// What its server calls this very content, for `If-None-Match`.
    pub(super) validator: Option<String>,
}

impl Cache {
    fn reference_path(&self, identity: &Identity) -> PathBuf {
        self.path(&format!("{PREFIX}{}", identity.hash()))
    }

    /// What is known of it. A file that is damaged says nothing.
    pub(super) fn reference(&self, identity: &Identity) -> io::Result<Option<Reference>> {
        self.read_reference(&format!("{PREFIX}{}", identity.hash()))
    }

    pub(super) fn read_reference(&self, name: &str) -> io::Result<Option<Reference>> {
        let file = match File::open(self.path(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes).ok())
    }

    /// Notes where it comes from. To be called with the directory locked.
    pub(super) fn refer(&self, identity: &Identity, reference: &Reference) -> io::Result<()> {
        let new = self.path(&format!("{UNFINISHED}{}", identity.hash()));
        remove(&new)?;
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(&serde_json::to_vec(reference)?)?;
        fs::rename(&new, self.reference_path(identity))
    }
}
