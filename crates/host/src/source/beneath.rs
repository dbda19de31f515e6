//! A name below a directory of the node: looked up without leaving it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

/// Why there is nothing of that name.
#[derive(Debug)]
pub enum BeneathError {
    /// The directory cannot be opened.
    Directory(io::Error),
    /// Nothing of that name.
    Missing,
    /// The name leads out of the directory.
    Outside,
    /// The system refused to open it.
    Open(io::Error),
}

/// Something that was found and not opened yet: to open a pipe or a device would wait, or act.
#[derive(Debug)]
pub struct Found(File);

/// Finds what a relative path below a directory leads to. Links are followed as long as they stay
/// within it.
///
/// # Errors
/// See [`BeneathError`].
pub fn find(directory: &Path, name: &Path) -> Result<Found, BeneathError> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let root = openat2(
        CWD,
        directory,
        flags | OFlags::DIRECTORY,
        Mode::empty(),
        ResolveFlags::empty(),
    )
    .map_err(|errno| BeneathError::Directory(errno.into()))?;
    let confined = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    match openat2(&root, name, flags, Mode::empty(), confined) {
        Ok(found) => Ok(Found(found.into())),
        Err(Errno::NOENT) => Err(BeneathError::Missing),
        Err(Errno::XDEV) => Err(BeneathError::Outside),
        Err(errno) => Err(BeneathError::Open(errno.into())),
    }
}

impl Found {
    /// What it is.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn metadata(&self) -> io::Result<std::fs::Metadata> {
        self.0.metadata()
    }

    /// The same thing by a path that leads nowhere else, as long as this lives.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }

    /// Opens it for reading.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(&self) -> io::Result<File> {
        File::open(self.path())
    }
}
