//! Links, and files that are put somewhere else as they are.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, readlinkat, renameat, symlinkat, unlinkat};
use rustix::io::Errno;

use super::place::Place;
use super::{Root, Ways, failed, shown};
use crate::error::{Doing, Error, Result};

impl Root {
    /// Whether there is an entry of this name, be it a link that leads nowhere.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn has_entry(&self, path: impl AsRef<Path>) -> Result<bool> {
        let entry = self.entry(path.as_ref())?;
        Ok(entry.is_some_and(|entry| entry.found.is_some()))
    }

    /// Sees to it that nothing is made through a link of Windows that leads nowhere: a junction that
    /// names a drive, or a file that the driver shows as a link because only Windows can read it.
    pub(super) fn check_link(&self, path: &Path, place: Option<&Place>) -> Result<()> {
        let is_there = place.is_some_and(|place| place.found.is_some());
        if self.ways != Ways::Windows || is_there || !self.is_link(path)? {
            return Ok(());
        }
        Err(Error::image(format!(
            "{} is a link or junction that leads nowhere on this volume, or in a form that only \
             Windows reads, such as that of compact /exe",
            shown(path)
        )))
    }

    /// What a symbolic link says, unresolved; `None` when there is no link.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn link_target(&self, path: impl AsRef<Path>) -> Result<Option<PathBuf>> {
        let path = path.as_ref();
        let Some(entry) = self.entry(path)?.filter(Place::is_link) else {
            return Ok(None);
        };
        let target = readlinkat(&entry.directory, &entry.name, Vec::new())
            .doing(|| format!("reading the link {}", shown(path)))?;
        Ok(Some(PathBuf::from(OsString::from_vec(target.into_bytes()))))
    }

    /// Makes a symbolic link, in place of a link that is there already.
    ///
    /// # Errors
    /// When its directory does not exist, or when something that is no link is in its place.
    pub fn make_link(&self, path: impl AsRef<Path>, target: &str) -> Result<()> {
        let path = path.as_ref();
        let linking = || format!("making the link {}", shown(path));
        let Some(entry) = self.entry(path)? else {
            return Err(failed("making the link", path, Errno::NOENT));
        };
        if entry.is_link() {
            unlinkat(&entry.directory, &entry.name, AtFlags::empty()).doing(linking)?;
        }
        symlinkat(target, &entry.directory, &entry.name).doing(linking)?;
        self.label_link(path, &entry);
        Ok(())
    }

    /// Removes a symbolic link and not what it leads to. Says whether there was one.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_link(&self, path: impl AsRef<Path>) -> Result<bool> {
        let path = path.as_ref();
        let Some(entry) = self.entry(path)?.filter(Place::is_link) else {
            return Ok(false);
        };
        unlinkat(&entry.directory, &entry.name, AtFlags::empty())
            .doing(|| format!("removing the link {}", shown(path)))?;
        Ok(true)
    }

    /// Puts an entry, be it a file or a link, at another place of the same file system. It keeps
    /// everything that it has. What is at the new place already stays.
    ///
    /// # Errors
    /// When there is no such entry or no such directory, when the new place is taken, or when
    /// both are not on one file system.
    pub fn move_entry(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<()> {
        let (from, to) = (from.as_ref(), to.as_ref());
        let missing = |path| failed("moving", path, Errno::NOENT);
        let old = self.entry(from)?.ok_or_else(|| missing(from))?;
        let new = self.entry(to)?.ok_or_else(|| missing(to))?;
        if new.found.is_some() {
            return Err(Error::image(format!("{} exists already", shown(to))));
        }
        renameat(&old.directory, &old.name, &new.directory, &new.name)
            .doing(|| format!("moving {} to {}", shown(from), shown(to)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Image;

    #[test]
    fn a_link_is_told_made_and_removed_without_what_it_leads_to() {
        let image = Image::empty();
        image.file("/etc/real", "x").link("/etc/link", "real");
        image.confined(|root| {
            assert_eq!(
                root.link_target("/etc/link").unwrap().unwrap().to_str(),
                Some("real")
            );
            assert_eq!(root.link_target("/etc/real").unwrap(), None);
            root.make_link("/etc/link", "/nowhere").unwrap();
            assert!(root.has_entry("/etc/link").unwrap() && !root.exists("/etc/link"));
            assert!(root.make_link("/etc/real", "x").is_err());
            assert!(root.make_link("/none/link", "x").is_err());
            assert!(root.remove_link("/etc/link").unwrap());
            assert!(!root.remove_link("/etc/real").unwrap());
        });
        assert_eq!(image.text("/etc/real"), "x");
    }

    #[test]
    fn what_is_moved_replaces_nothing_and_stays_inside() {
        let image = Image::empty();
        image
            .file("/a/file", "one")
            .file("/b/file", "two")
            .directory("/c");
        image.link("/out", &image.outside(""));
        image.confined(|root| {
            assert!(root.move_entry("/a/file", "/b/file").is_err());
            assert!(root.move_entry("/a/file", "/out/file").is_err());
            assert!(root.move_entry("/a/none", "/c/none").is_err());
            root.move_entry("/a/file", "/c/file").unwrap();
            root.move_entry("/out", "/c/out").unwrap();
        });
        assert_eq!(image.text("/c/file"), "one");
        assert!(!image.path("/a/file").exists() && image.path("/c/out").is_symlink());
    }
}
