//! Where a path finally leads inside the root, found without opening what is there.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Stat, readlinkat, statat};
use rustix::io::Errno;

use super::{HOW_TO_HOLD_A_DIRECTORY, Root, failed, shown};
use crate::error::{Error, Result};

/// The most links that are followed at the end of one path (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// A name in a directory of the image.
#[derive(Debug)]
pub(super) struct Place {
    /// The directory, held with `O_PATH`.
    pub(super) directory: OwnedFd,
    /// The name in it.
    pub(super) name: OsString,
    /// What is there; `None` when nothing is.
    pub(super) found: Option<Stat>,
}

impl Place {
    pub(super) fn is_link(&self) -> bool {
        self.found
            .as_ref()
            .is_some_and(|found| file_type(found) == FileType::Symlink)
    }
}

impl Root {
    /// The place that a path leads to when links at its end are followed too, so that it is
    /// no link itself. `None` when the directory that should hold it does not exist.
    pub(super) fn place(&self, path: &Path) -> Result<Option<Place>> {
        let mut current = path.to_owned();
        for _ in 0..MAX_LINKS {
            let Some(entry) = self.entry(&current)? else {
                return Ok(None);
            };
            if !entry.is_link() {
                return Ok(Some(entry));
            }
            let target = readlinkat(&entry.directory, &entry.name, Vec::new())
                .map_err(|errno| failed("following the link", path, errno))?;
            let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
            // The kernel walks the joined path itself, so `..` means what it should.
            current = match current.parent() {
                Some(parent) => parent.join(target),
                None => target,
            };
        }
        Err(failed("following the links of", path, Errno::LOOP))
    }

    /// The last component of a path, not followed when it is a link. `None` when the
    /// directory that should hold it does not exist.
    pub(super) fn entry(&self, path: &Path) -> Result<Option<Place>> {
        let looking = |errno| failed("looking at", path, errno);
        let Some(name) = path.file_name() else {
            return Err(Error::image(format!(
                "{} names a directory, not a file",
                shown(path)
            )));
        };
        let parent = path.parent().unwrap_or(Path::new("/"));
        let directory = match self.resolve(parent, HOW_TO_HOLD_A_DIRECTORY) {
            Ok(directory) => directory,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(errno) => return Err(looking(errno)),
        };
        let found = match statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Some(found),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(looking(errno)),
        };
        Ok(Some(Place {
            directory,
            name: name.into(),
            found,
        }))
    }
}

/// Refuses everything that is not a regular file.
pub(super) fn require_regular(path: &Path, found: &Stat) -> Result<()> {
    if file_type(found) == FileType::RegularFile {
        return Ok(());
    }
    Err(Error::image(format!(
        "{} is {}, not a regular file",
        shown(path),
        kind(found)
    )))
}

/// What a thing is, for a person.
pub(super) fn kind(found: &Stat) -> &'static str {
    match file_type(found) {
        FileType::RegularFile => "a regular file",
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device node",
        FileType::Unknown => "of unknown type",
    }
}

pub(super) fn file_type(found: &Stat) -> FileType {
    FileType::from_raw_mode(found.st_mode)
}
