//! Temporary files for images that must be there as a whole before they can be read.
//!
//! Such a file has no name: when the last process that holds it is gone, however it ended, the
//! room that it took is free again. The host process makes it, and a confined one writes it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::fstatvfs;

/// What an image may take beyond the size of its disk: tables, which are a thirty-second of it at the
/// most (clusters of 512 bytes), and besides so many bytes.
const TABLES: u64 = 32;
const BESIDES: u64 = 64 << 20;

/// The part of the room that is left to others.
const LEFT: u64 = 16;

/// A temporary file, empty.
#[derive(Debug)]
pub struct Spool {
    pub(crate) file: File,
    /// How many bytes it may have.
    pub(crate) most: u64,
}

/// There is no temporary file.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a temporary file in {} (SPOOL_DIR): {error}", directory.display())]
pub struct SpoolError {
    directory: PathBuf,
    error: io::Error,
}

impl Spool {
    /// Makes one in `directory`, for the image of a disk that has `disk` bytes at the most, where
    /// that is known.
    ///
    /// # Errors
    /// When the directory is missing or takes no files.
    pub fn open(directory: &Path, disk: Option<u64>) -> Result<Self, SpoolError> {
        let failed = |error| SpoolError {
            directory: directory.into(),
            error,
        };
        let file = tempfile::tempfile_in(directory).map_err(failed)?;
        let about = fstatvfs(&file).map_err(|errno| failed(errno.into()))?;
        let room = about.f_bavail.saturating_mul(about.f_frsize);
        let room = room - room / LEFT;
        let needed = disk.map_or(u64::MAX, |disk| {
            disk.saturating_add(disk / TABLES).saturating_add(BESIDES)
        });
        let most = room.min(needed);
        Ok(Spool { file, most })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn it_has_no_name_and_is_bounded_by_the_disk_and_by_the_room_that_there_is() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(directory.path(), Some(1 << 20)).unwrap();
        assert_eq!(spool.file.metadata().unwrap().nlink(), 0);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(spool.most <= (1 << 20) + (1 << 15) + (64 << 20));
        let unknown = Spool::open(directory.path(), None).unwrap();
        assert!(unknown.most >= spool.most && unknown.most < u64::MAX / 2);
    }

    #[test]
    fn a_directory_that_is_missing_is_named() {
        let missing = Spool::open(Path::new("/nonexistent"), None).unwrap_err();
        assert!(missing.to_string().contains("/nonexistent (SPOOL_DIR)"));
    }
}
