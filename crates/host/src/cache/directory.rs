//! IMAGE_CACHE_DIR: a directory that nobody but its owner can look into.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;

use crate::config::Settings;

/// How long somebody else may look after the directory.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a lock is tried, as there is no waiting for it within bounds.
const PAUSE: Duration = Duration::from_millis(20);

/// The cache of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    pub(super) directory: PathBuf,
    /// How much it may take up, in bytes.
    pub(super) size: u64,
}

/// Why there is no cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The system refused.
    #[error("the cache of images in {} (IMAGE_CACHE_DIR): {error}", path.display())]
    Io {
        /// The directory, or a file in it.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
    /// Others could put images there.
    #[error(
        "the cache of images in {} (IMAGE_CACHE_DIR) is open to others: it must be a directory of its own with mode 0700 that belongs to who runs this",
        .0.display()
    )]
    Open(PathBuf),
}

impl Cache {
    /// The cache that the settings ask for, made where it is missing; none where they ask for none.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn of(settings: &Settings) -> Result<Option<Self>, CacheError> {
        let directory = &settings.image_cache_dir;
        if directory.as_os_str().is_empty() {
            return Ok(None);
        }
        Self::open(directory, settings.image_cache_size).map(Some)
    }

    /// The cache in a directory, which is made where it is missing; its parent is there.
    ///
    /// # Errors
    /// When it cannot be made, or is open to others.
    pub fn open(directory: &Path, size: u64) -> Result<Self, CacheError> {
        let failed = |error| CacheError::Io {
            path: directory.into(),
            error,
        };
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            Ok(()) | Err(_) => {}
        }
        let found = fs::symlink_metadata(directory).map_err(failed)?;
        let me = rustix::process::geteuid().as_raw();
        if !found.is_dir() || found.uid() != me || found.mode() & 0o077 != 0 {
            return Err(CacheError::Open(directory.into()));
        }
        Ok(Cache {
            directory: directory.into(),
            size,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The names of all files that begin so.
    pub(super) fn names(&self, prefix: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name().into_string();
            names.extend(name.ok().filter(|name| name.starts_with(prefix)));
        }
        names.sort();
        Ok(names)
    }

    /// Keeps all others from making room and from changing references until it is dropped.
    pub(super) fn lock(&self) -> io::Result<File> {
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(open(self.path("lock"), flags, Mode::RUSR | Mode::WUSR)?);
        if lock_within(&file, FlockOperation::NonBlockingLockExclusive, PATIENCE)? {
            return Ok(file);
        }
        Err(io::Error::other(
            "another process has had it locked for too long",
        ))
    }
}

/// Whether a lock was had within this time.
pub(super) fn lock_within(
    file: &File,
    operation: FlockOperation,
    patience: Duration,
) -> io::Result<bool> {
    let deadline = Instant::now() + patience;
    loop {
        match flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => thread::sleep(PAUSE),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Whether a name still leads to the file that is open.
pub(super) fn still_there(path: &Path, file: &File) -> io::Result<bool> {
    let held = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_directory_that_others_can_enter_is_no_cache() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        Cache::open(&path, 1).unwrap();
        let mode = fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700);
        Cache::open(&path, 1).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        let fault = Cache::open(&path, 1).unwrap_err().to_string();
        assert!(fault.contains("open to others"), "{fault}");
        let link = folder.path().join("link");
        symlink("/etc", &link).unwrap();
        assert!(Cache::open(&link, 1).is_err());
        assert!(Cache::open(&folder.path().join("a/b"), 1).is_err());
    }
}
