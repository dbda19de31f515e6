//! Room for one more image: those that were not used for the longest time make it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{FlockOperation, flock};

use super::directory::{Cache, remove, still_there};
use super::{blob, claim, reference};

/// The unit of `st_blocks` of stat(2), in bytes.
const BLOCK: u64 = 512;

/// An image that may have to go.
struct Old {
    name: String,
    used: (i64, i64),
    bytes: u64,
}

impl Cache {
    /// Makes room for so many bytes and says how many there are. What is in use stays, and what nobody
    /// works on any more goes first.
    pub(super) fn make_room(&self, wanted: u64) -> io::Result<u64> {
        let _lock = self.lock()?;
        self.sweep()?;
        let mut taken: u64 = 0;
        for name in self.names(claim::PREFIX)? {
            // Its length is what was reserved for it.
            let found = fs::symlink_metadata(self.path(&name));
            taken = taken.saturating_add(found.map_or(0, |found| found.len()));
        }
        let mut old = Vec::new();
        for name in self.names(blob::PREFIX)? {
            let Ok(found) = fs::symlink_metadata(self.path(&name)) else {
                continue;
            };
            let bytes = found.blocks().saturating_mul(BLOCK);
            taken = taken.saturating_add(bytes);
            let used = (found.atime(), found.atime_nsec());
            old.push(Old { name, used, bytes });
        }
        old.sort_by_key(|old| old.used);
        for old in old {
            if taken.saturating_add(wanted) <= self.size {
                break;
            }
            if self.evict(&old.name)? {
                taken = taken.saturating_sub(old.bytes);
            }
        }
        self.forget()?;
        Ok(self.size.saturating_sub(taken))
    }

    /// Removes an image, unless somebody uses it.
    pub(super) fn evict(&self, name: &str) -> io::Result<bool> {
        let path = self.path(name);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(false);
        }
        remove(&path)?;
        tracing::debug!("{name} was removed from the cache of images");
        Ok(true)
    }

    /// Removes what processes have left that are no more. To be called with the directory locked.
    fn sweep(&self) -> io::Result<()> {
        for name in self.names(reference::UNFINISHED)? {
            remove(&self.path(&name))?;
        }
        for name in self.names(claim::PREFIX)? {
            let path = self.path(&name);
            let Ok(file) = File::open(&path) else {
                continue;
            };
            let is_left = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
            if is_left && still_there(&path, &file)? {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes references to images that are gone. To be called with the directory locked.
    fn forget(&self) -> io::Result<()> {
        for name in self.names(reference::PREFIX)? {
            let leads_on = (self.read_reference(&name)?)
                .is_some_and(|reference| self.blob(&reference.sha256).exists());
            if !leads_on {
                remove(&self.path(&name))?;
            }
        }
        Ok(())
    }

    /// Removes what takes more than the cache's size, or all that nobody uses, and everything that is
    /// left over. Says how many images were removed.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn prune(&self, all: bool) -> io::Result<usize> {
        let before = self.names(blob::PREFIX)?.len();
        if all {
            for name in self.names(blob::PREFIX)? {
                self.evict(&name)?;
            }
        }
        self.make_room(0)?;
        let after = self.names(blob::PREFIX)?.len();
        Ok(before.saturating_sub(after))
    }
}
