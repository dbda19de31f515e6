//! Makes directories and removes files.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, mkdirat, openat, unlinkat};
use rustix::io::Errno;

use super::place::{Place, file_type, kind};
use super::{Attributes, Root, Ways, failed, shown};
use crate::error::{Doing, Error, Result};

impl Root {
    /// Makes a directory and those above it that are missing, each with these attributes.
    /// Directories that exist stay as they are.
    ///
    /// # Errors
    /// When something that is no directory is in the way, or when one cannot be made.
    pub fn make_directories(&self, path: impl AsRef<Path>, attributes: Attributes) -> Result<()> {
        let mut prefixes: Vec<_> = path.as_ref().ancestors().collect();
        prefixes.reverse();
        for prefix in prefixes {
            // `/` and `..` exist or lead to an error at what follows them.
            if prefix.file_name().is_some() {
                self.make_directory(prefix, attributes)?;
            }
        }
        Ok(())
    }

    fn make_directory(&self, path: &Path, attributes: Attributes) -> Result<()> {
        let place = self.place(path)?;
        self.check_link(path, place.as_ref())?;
        let Some(place) = place else {
            return Err(failed("making the directory", path, Errno::NOENT));
        };
        match &place.found {
            Some(found) if file_type(found) == FileType::Directory => Ok(()),
            Some(found) => Err(Error::image(format!(
                "{} is {}, not a directory",
                shown(path),
                kind(found)
            ))),
            None if self.ways == Ways::Windows => {
                let mode = Mode::RWXU;
                mkdirat(&place.directory, &place.name, mode)
                    .doing(|| format!("making the directory {}", shown(path)))
            }
            None => make(&place, attributes)
                .and_then(|made| self.label(path, &place, FileType::Directory, made))
                .doing(|| format!("making the directory {}", shown(path))),
        }
    }

    /// Removes a file, and the link at the end of the path that led to it. Says whether
    /// anything was there.
    ///
    /// # Errors
    /// When it is a directory or cannot be removed.
    pub fn remove(&self, path: impl AsRef<Path>) -> Result<bool> {
        let path = path.as_ref();
        let target = self.place(path)?;
        let removed = target.map_or(Ok(false), |place| unlink(&place, path))?;
        let link = self.entry(path)?;
        Ok(link.map_or(Ok(false), |place| unlink(&place, path))? || removed)
    }
}

fn make(place: &Place, attributes: Attributes) -> rustix::io::Result<OwnedFd> {
    mkdirat(&place.directory, &place.name, Mode::RWXU)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = openat(&place.directory, &place.name, flags, Mode::empty())?;
    attributes.give(&made)?;
    Ok(made)
}

fn unlink(place: &Place, path: &Path) -> Result<bool> {
    match &place.found {
        None => Ok(false),
        Some(found) if file_type(found) == FileType::Directory => Err(Error::image(format!(
            "{} is a directory, not a file",
            shown(path)
        ))),
        Some(_) => match unlinkat(&place.directory, &place.name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(failed("removing", path, errno)),
        },
    }
}
