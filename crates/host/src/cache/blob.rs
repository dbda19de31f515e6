//! An image in the cache: a file named by its SHA-256, which nobody writes to any more.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{
    FlockOperation, Mode, OFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens, open,
};
use rustix::io::Errno;

use super::directory::{Cache, lock_within, remove, still_there};
use super::identity::Identity;
use super::reference::Reference;
use crate::digest::{Algorithm, Digest};
use crate::source::Source;

/// What the names of these files begin with.
pub(super) const PREFIX: &str = "sha256-";

/// How long whoever has just put it there, or wants to remove it, may have it locked.
const PATIENCE: Duration = Duration::from_secs(2);

/// An image that is in the cache, and stays there as long as this is.
#[derive(Debug)]
pub struct Hit {
    pub(super) file: File,
    /// What it must be; it is verified when it is used.
    pub sha256: Digest,
}

impl Hit {
    /// The image, by a name for messages.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn source(&self, name: &str) -> Result<Source, crate::source::SourceError> {
        let path = Path::new(name);
        let file = self.file.try_clone();
        let file = file.map_err(|error| crate::source::SourceError::Open {
            path: path.into(),
            error,
        })?;
        Source::from_file(file, path)
    }
}

impl Cache {
    /// The image of this digest.
    pub(super) fn find_digest(&self, digest: &Digest) -> io::Result<Option<Hit>> {
        match digest.algorithm() {
            Algorithm::Sha256 => self.open_blob(digest),
            _ => Ok(self.find(&Identity::of_digest(digest))?.map(|(hit, _)| hit)),
        }
    }

    /// The image that a reference leads to.
    pub(super) fn find(&self, identity: &Identity) -> io::Result<Option<(Hit, Reference)>> {
        let Some(reference) = self.reference(identity)? else {
            return Ok(None);
        };
        let hit = self.open_blob(&reference.sha256)?;
        Ok(hit.map(|hit| (hit, reference)))
    }

    /// Opens an image and notes that it was used.
    fn open_blob(&self, sha256: &Digest) -> io::Result<Option<Hit>> {
        let path = self.blob(sha256);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match open(&path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        // Nobody removes what is locked. Removed just before, its bytes are there all the same.
        if !lock_within(&file, FlockOperation::NonBlockingLockShared, PATIENCE)? {
            return Ok(None);
        }
        let nanoseconds = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
        // The time of access alone: that of the last change tells whether an image was changed.
        let times = Timestamps {
            last_access: nanoseconds(UTIME_NOW),
            last_modification: nanoseconds(UTIME_OMIT),
        };
        futimens(&file, &times)?;
        Ok(Some(Hit {
            file,
            sha256: sha256.clone(),
        }))
    }

    /// Where the image of this digest is.
    pub(super) fn blob(&self, sha256: &Digest) -> std::path::PathBuf {
        self.path(&format!("{PREFIX}{}", sha256.hex()))
    }

    /// Removes an image that is not what it should be.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn discard(&self, hit: &Hit) -> io::Result<()> {
        let path = self.blob(&hit.sha256);
        if still_there(&path, &hit.file)? {
            remove(&path)?;
        }
        Ok(())
    }
}
