//! The right to fetch an image into the cache: one process at a time has it for each image and place.
//!
//! It is an exclusive flock(2) on the file that is being written, so that it ends with the
//! processes that hold it, whatever ends them. What they leave behind is removed by the next.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;

use super::directory::{Cache, remove, still_there};
use super::identity::Identity;
use super::reference::Reference;
use crate::digest::{Algorithm, Digest};

/// What the names of unfinished images begin with.
pub(super) const PREFIX: &str = "part-";

/// The right, and the file. Dropped, both are gone.
#[derive(Debug)]
pub struct Claim {
    cache: Cache,
    identity: Identity,
    file: File,
    path: PathBuf,
    /// What the server calls the content.
    pub(super) validator: Option<String>,
    /// How many bytes may be written.
    pub(super) limit: u64,
    is_kept: bool,
}

impl Cache {
    /// The right to this download, of the image `identity`; none while another process has it.
    pub(super) fn claim(
        &self,
        download: &Identity,
        identity: &Identity,
    ) -> io::Result<Option<Claim>> {
        let path = self.path(&format!("{PREFIX}{}", download.hash()));
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let file = File::from(open(&path, flags, Mode::RUSR | Mode::WUSR)?);
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            }
            // The one before may have finished it, or given it up, between the two calls.
            if still_there(&path, &file)? {
                file.set_len(0)?;
                return Ok(Some(Claim {
                    cache: self.clone(),
                    identity: identity.clone(),
                    file,
                    path,
                    validator: None,
                    limit: 0,
                    is_kept: false,
                }));
            }
        }
    }

    /// How much of it another process has written, in blocks; a change is a sign of life.
    pub(super) fn written(&self, download: &Identity) -> u64 {
        use std::os::unix::fs::MetadataExt;
        let path = self.path(&format!("{PREFIX}{}", download.hash()));
        fs::symlink_metadata(path).map_or(0, |found| found.blocks())
    }
}

impl Claim {
    /// Reserves room: the file counts with this length.
    pub(super) fn reserve(&mut self, limit: u64) -> io::Result<()> {
        self.limit = limit;
        self.file.set_len(limit)
    }

    /// The file to write to, and the most that may be written, in bytes.
    ///
    /// # Errors
    /// When descriptors have run out.
    pub fn file(&self) -> io::Result<(File, u64)> {
        Ok((self.file.try_clone()?, self.limit))
    }

    /// Puts what was written, all of it and with these digests, into the cache.
    ///
    /// # Errors
    /// When the system refuses; then it is not there.
    pub fn keep(mut self, digests: &[Digest]) -> io::Result<()> {
        let sha256 = (digests.iter()).find(|digest| digest.algorithm() == Algorithm::Sha256);
        let sha256 = sha256.ok_or(io::ErrorKind::InvalidInput)?;
        // A name never leads to less than all of the image, not even after a loss of power.
        self.file.sync_data()?;
        let lock = self.cache.lock()?;
        fs::rename(&self.path, self.cache.blob(sha256))?;
        self.is_kept = true;
        let mut reference = Reference {
            sha256: sha256.clone(),
            name: self.identity.to_string(),
            validator: self.validator.take(),
        };
        if self.identity != Identity::of_digest(sha256) {
            self.cache.refer(&self.identity, &reference)?;
        }
        reference.validator = None;
        for digest in digests
            .iter()
            .filter(|digest| digest.algorithm().is_strong())
        {
            let identity = Identity::of_digest(digest);
            if digest != sha256 && identity != self.identity {
                self.cache.refer(&identity, &reference)?;
            }
        }
        drop(lock);
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        // Before the lock ends with the file, so that it is nobody else's.
        if let Err(error) = remove(&self.path) {
            tracing::warn!("{}: {error}", self.path.display());
        }
    }
}
