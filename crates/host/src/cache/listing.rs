//! What is in the cache.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;

use super::blob::{Hit, PREFIX};
use super::directory::Cache;
use super::reference;
use crate::digest::{Algorithm, Digest};

/// An image in the cache.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Its digest.
    pub digest: Digest,
    /// Its length, in bytes.
    pub length: u64,
    /// What it takes up, in bytes.
    pub allocated: u64,
    /// When it was last used, in seconds since 1970.
    pub used: i64,
    /// Whether it is being deployed.
    pub in_use: bool,
    /// Where it came from, without secrets, and its other digests.
    pub names: Vec<String>,
}

impl Cache {
    /// All images, the one that was used last at the end.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self) -> io::Result<Vec<Listed>> {
        let mut references = Vec::new();
        for name in self.names(reference::PREFIX)? {
            references.extend(self.read_reference(&name)?);
        }
        let mut listed = Vec::new();
        for name in self.names(PREFIX)? {
            let hex = name.strip_prefix(PREFIX).unwrap_or_default();
            let (Ok(digest), Ok(found)) = (
                Digest::new(Algorithm::Sha256, hex),
                fs::symlink_metadata(self.path(&name)),
            ) else {
                continue;
            };
            let mut names: Vec<_> = (references.iter())
                .filter(|reference| reference.sha256 == digest)
                .map(|reference| reference.name.clone())
                .collect();
            names.sort();
            names.dedup();
            let image = Listed {
                length: found.len(),
                allocated: found.blocks().saturating_mul(512),
                used: found.atime(),
                in_use: self.is_in_use(&name),
                digest,
                names,
            };
            listed.push(((found.atime(), found.atime_nsec()), image));
        }
        listed.sort_by_key(|(used, _)| *used);
        Ok(listed.into_iter().map(|(_, image)| image).collect())
    }

    fn is_in_use(&self, name: &str) -> bool {
        File::open(self.path(name))
            .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_err())
    }

    /// An image to be looked at, without a note that it was used.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn look_at(&self, digest: &Digest) -> io::Result<Hit> {
        let file = File::open(self.blob(digest))?;
        flock(&file, FlockOperation::NonBlockingLockShared)?;
        Ok(Hit {
            file,
            sha256: digest.clone(),
        })
    }
}
