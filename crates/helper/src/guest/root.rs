//! A root directory that no path, link or special file leads out of.
//!
//! Every path is resolved by openat2(2) as if this directory were `/`: an absolute link or
//! `..` ends inside. Only regular files are read or replaced; anything else in their place
//! is an error, never a hang.
// SPDX-License-Identifier: BSD-2-Clause

mod attributes;
mod change;
mod label;
mod links;
mod place;
mod private;
mod remove;
mod replace;

use std::cell::{OnceCell, RefCell};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use rustix::fs::{
    Access, AtFlags, CWD, Dir, Mode, OFlags, ResolveFlags, accessat, fstat, openat, openat2,
};
use rustix::io::Errno;

pub use attributes::Attributes;

use super::selinux::Policy;
use crate::error::{Doing, Error, Result};
use place::{kind, require_regular};

/// The most that is read of passwd(5), group(5) and shadow(5), in bytes: room for a
/// hundred thousand accounts.
pub const ACCOUNTS_LIMIT: u64 = 16 * 1024 * 1024;

/// The most that is read of any other file of the image, in bytes.
pub const FILE_LIMIT: u64 = 1024 * 1024;

/// The most entries of one directory that are looked at.
const DIRECTORY_LIMIT: usize = 10_000;

/// How often a path is resolved again while something else is renamed (openat2(2), EAGAIN).
const RESOLVE_TRIES: usize = 1000;

const HOW_TO_READ: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

const HOW_TO_HOLD_A_DIRECTORY: OFlags =
    OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

const HOW_TO_EDIT: OFlags = OFlags::RDWR
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Whose ways of protecting files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ways {
    /// Owner, group and permissions.
    Unix,
    /// Access lists: a new file gets what its directory passes on, and one that is there keeps
    /// what it has only as long as it stays the same file.
    Windows,
}

/// The image's root directory. Paths may begin with `/` or not; it is the same. That of Windows
/// is mounted so that names are the same in upper and lower case.
#[derive(Debug)]
pub struct Root {
    directory: OwnedFd,
    ways: Ways,
    /// Read when the first file is made.
    policy: OnceCell<Option<Policy>>,
    unlabelled: RefCell<Vec<String>>,
}

impl Root {
    /// Takes hold of a mounted root directory.
    ///
    /// # Errors
    /// When it cannot be opened or is no directory.
    pub fn open(path: &Path) -> Result<Self> {
        let directory = openat(CWD, path, HOW_TO_HOLD_A_DIRECTORY, Mode::empty())
            .doing(|| format!("opening the mounted image at {}", path.display()))?;
        Ok(Root {
            directory,
            ways: Ways::Unix,
            policy: OnceCell::new(),
            unlabelled: RefCell::default(),
        })
    }

    /// Takes hold of the mounted root directory of a Windows. Attributes that are given to files
    /// mean nothing there.
    ///
    /// # Errors
    /// As [`Root::open`].
    pub fn of_windows(path: &Path) -> Result<Self> {
        let ways = Ways::Windows;
        Root::open(path).map(|root| Root { ways, ..root })
    }

    /// A regular file, opened so that it can be read and changed where it is; `None` when it does
    /// not exist.
    ///
    /// # Errors
    /// When it is no regular file or cannot be opened.
    pub fn edit(&self, path: impl AsRef<Path>) -> Result<Option<File>> {
        self.opened(path.as_ref(), HOW_TO_EDIT)
    }

    /// The same, to be read alone.
    ///
    /// # Errors
    /// As [`Root::edit`].
    pub fn look(&self, path: impl AsRef<Path>) -> Result<Option<File>> {
        self.opened(path.as_ref(), HOW_TO_READ)
    }

    fn opened(&self, path: &Path, flags: OFlags) -> Result<Option<File>> {
        let opening = || format!("opening {}", shown(path));
        let Some(place) = self.place(path)? else {
            return Ok(None);
        };
        let Some(found) = &place.found else {
            return Ok(None);
        };
        require_regular(path, found)?;
        let file = openat(&place.directory, &place.name, flags, Mode::empty()).doing(opening)?;
        require_regular(path, &fstat(&file).doing(opening)?)?;
        Ok(Some(file.into()))
    }

    /// The content of a regular file, at most `limit` bytes; `None` when it does not exist.
    ///
    /// # Errors
    /// When it is no regular file, is larger than the limit or cannot be read.
    pub fn read(&self, path: impl AsRef<Path>, limit: u64) -> Result<Option<Vec<u8>>> {
        let path = path.as_ref();
        let Some(file) = self.look(path)? else {
            return Ok(None);
        };
        let reading = || format!("reading {}", shown(path));
        let mut content = Vec::new();
        if file.metadata().doing(reading)?.len() <= limit {
            file.take(limit.saturating_add(1))
                .read_to_end(&mut content)
                .doing(reading)?;
            if u64::try_from(content.len()).is_ok_and(|size| size <= limit) {
                return Ok(Some(content));
            }
        }
        Err(Error::image(format!(
            "{} is larger than {} KiB, the most that is read of such a file",
            shown(path),
            limit / 1024
        )))
    }

    /// Whether the path leads to anything at all.
    #[must_use]
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.resolve(path.as_ref(), OFlags::PATH).is_ok()
    }

    /// Whether the path leads to a directory.
    #[must_use]
    pub fn is_directory(&self, path: impl AsRef<Path>) -> bool {
        self.resolve(path.as_ref(), HOW_TO_HOLD_A_DIRECTORY).is_ok()
    }

    /// Whether anything can be changed in a directory: not in a read-only file system, nor in a
    /// read-only snapshot of one.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub fn is_writable(&self, path: impl AsRef<Path>) -> Result<bool> {
        let path = path.as_ref();
        let Some(directory) = self.directory(path)? else {
            return Ok(false);
        };
        match accessat(&directory, ".", Access::WRITE_OK, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::ROFS) => Ok(false),
            Err(errno) => Err(failed("looking at", path, errno)),
        }
    }

    /// Whether the path's last component is itself a symbolic link.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn is_link(&self, path: impl AsRef<Path>) -> Result<bool> {
        let entry = self.entry(path.as_ref())?;
        Ok(entry.is_some_and(|entry| entry.is_link()))
    }

    /// Whether the path leads to a regular file.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn is_regular(&self, path: impl AsRef<Path>) -> Result<bool> {
        let path = path.as_ref();
        let found = self.place(path)?.and_then(|place| place.found);
        Ok(found.is_some_and(|found| require_regular(path, &found).is_ok()))
    }

    /// Owner, group and permissions of a regular file; `None` when it does not exist.
    ///
    /// # Errors
    /// When it is no regular file or cannot be looked at.
    pub fn attributes(&self, path: impl AsRef<Path>) -> Result<Option<Attributes>> {
        let path = path.as_ref();
        let Some(found) = self.place(path)?.and_then(|place| place.found) else {
            return Ok(None);
        };
        require_regular(path, &found)?;
        Ok(Some(Attributes::of(&found)))
    }

    /// Owner, group and permissions of a directory; `None` when it does not exist.
    ///
    /// # Errors
    /// When it is no directory or cannot be looked at.
    pub fn directory_attributes(&self, path: impl AsRef<Path>) -> Result<Option<Attributes>> {
        let path = path.as_ref();
        let Some(directory) = self.directory(path)? else {
            return Ok(None);
        };
        let found = fstat(&directory).doing(|| format!("looking at {}", shown(path)))?;
        Ok(Some(Attributes::of(&found)))
    }

    /// A directory inside the root, held with `O_PATH`; `None` when it does not exist.
    ///
    /// # Errors
    /// When it is no directory or cannot be opened.
    pub fn directory(&self, path: impl AsRef<Path>) -> Result<Option<OwnedFd>> {
        let path = path.as_ref();
        match self.resolve(path, HOW_TO_HOLD_A_DIRECTORY) {
            Ok(directory) => Ok(Some(directory)),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR) => Err(match self.resolve(path, OFlags::PATH) {
                Ok(other) => {
                    let found = fstat(&other).doing(|| format!("looking at {}", shown(path)))?;
                    Error::image(format!(
                        "{} is {}, not a directory",
                        shown(path),
                        kind(&found)
                    ))
                }
                Err(_) => Error::image(format!(
                    "a part of the path {} is not a directory",
                    shown(path)
                )),
            }),
            Err(errno) => Err(errno).doing(|| format!("opening {}", shown(path))),
        }
    }

    /// The names in a directory, sorted; none when it does not exist.
    ///
    /// # Errors
    /// When it is no directory, holds more than ten thousand names or cannot be read.
    pub fn list(&self, path: impl AsRef<Path>) -> Result<Vec<OsString>> {
        let path = path.as_ref();
        let listing = || format!("listing {}", shown(path));
        let Some(directory) = self.directory(path)? else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        let readable = replace::readable(directory.as_fd()).doing(listing)?;
        for entry in Dir::new(readable).doing(listing)? {
            let name = entry.doing(listing)?.file_name().to_bytes().to_vec();
            if name == b"." || name == b".." {
                continue;
            }
            if names.len() == DIRECTORY_LIMIT {
                return Err(Error::image(format!(
                    "{} holds more than {DIRECTORY_LIMIT} entries",
                    shown(path)
                )));
            }
            names.push(OsString::from_vec(name));
        }
        names.sort();
        Ok(names)
    }

    /// Opens what a path leads to, all links followed inside the root.
    fn resolve(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let path = Path::new("/").join(path);
        let mut result = Err(Errno::AGAIN);
        for _ in 0..RESOLVE_TRIES {
            result = openat2(
                self.directory.as_fd(),
                &path,
                flags | OFlags::CLOEXEC,
                Mode::empty(),
                ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS,
            );
            if !matches!(result, Err(Errno::AGAIN | Errno::INTR)) {
                break;
            }
        }
        result
    }
}

/// A path of the image as it stands in messages: control characters escaped.
#[must_use]
pub fn shown(path: &Path) -> String {
    let path = Path::new("/").join(path);
    format!("{} of the image", path.to_string_lossy().escape_debug())
}

/// Turns an error number into a task's error that names the path.
fn failed(doing: &str, path: &Path, errno: Errno) -> Error {
    Error::Io {
        doing: format!("{doing} {}", shown(path)),
        source: io::Error::from(errno),
    }
}

#[cfg(test)]
mod tests;
