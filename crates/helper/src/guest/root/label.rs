//! The SELinux label of what is made, as the image's own policy says.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::{CString, OsString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, XattrFlags, fsetxattr, lsetxattr, readlinkat};
use rustix::io::{self, Errno};

use super::Root;
use super::attributes::{LABEL, copy_label, has_label};
use super::place::Place;
use super::replace::readable;
use crate::guest::selinux::{Policy, Verdict};

/// How many places of files without a known label are kept for the message.
const MAX_KEPT: usize = 16;

impl Root {
    /// The image's policy; `None`: it does not use SELinux.
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.get_or_init(|| Policy::read(self)).as_ref()
    }

    /// Says that files were made there whose label is not known.
    pub fn leave_unlabelled(&self, place: impl Into<String>) {
        let mut kept = self.unlabelled.borrow_mut();
        if kept.len() < MAX_KEPT {
            kept.push(place.into());
        }
    }

    /// Where files lie whose label is not known, the first sixteen.
    #[must_use]
    pub fn unlabelled(&self) -> Vec<String> {
        self.unlabelled.borrow().clone()
    }

    /// Labels what was made at a place: as its policy says, else as its directory is.
    pub(super) fn label(
        &self,
        path: &Path,
        place: &Place,
        kind: FileType,
        made: impl AsFd,
    ) -> io::Result<()> {
        match self.wanted(path, place, kind) {
            Some(label) => match fsetxattr(&made, LABEL, &label, XattrFlags::empty()) {
                // A file system without labels, such as FAT, has one for all its files.
                Err(Errno::NOTSUP) => Ok(()),
                result => result,
            },
            None => copy_label(readable(place.directory.as_fd())?, made),
        }
    }

    /// The same, for what has taken the place of a file and its label: one without a label
    /// gets its own.
    pub(super) fn label_anew(&self, path: &Path, place: &Place, made: impl AsFd) -> io::Result<()> {
        if has_label(&made)? || self.policy().is_none() {
            return Ok(());
        }
        self.label(path, place, FileType::RegularFile, made)
    }

    /// Labels a symbolic link. It has no descriptor, and without /proc no label.
    pub(super) fn label_link(&self, path: &Path, place: &Place) {
        let Some(label) = self.wanted(path, place, FileType::Symlink) else {
            return;
        };
        let link = held(place.directory.as_fd()).join(&place.name);
        if lsetxattr(&link, LABEL, &label, XattrFlags::empty()).is_err() {
            self.leave_unlabelled(path.display().to_string());
        }
    }

    /// The label with its final NUL. `None`: that of the directory.
    fn wanted(&self, path: &Path, place: &Place, kind: FileType) -> Option<Vec<u8>> {
        let policy = self.policy()?;
        let path = self
            .inner_path(place)
            .unwrap_or_else(|| Path::new("/").join(path));
        match policy.label(&path, kind) {
            Verdict::Label(label) => Some(CString::new(label).ok()?.into_bytes_with_nul()),
            Verdict::Inherit => None,
            Verdict::Unknown => {
                self.leave_unlabelled(path.display().to_string());
                None
            }
        }
    }

    /// The path inside the image that a place really has, all links on the way followed.
    fn inner_path(&self, place: &Place) -> Option<PathBuf> {
        let of = |directory: BorrowedFd<'_>| {
            let link = readlinkat(CWD, held(directory), Vec::new()).ok()?;
            Some(PathBuf::from(OsString::from_vec(link.into_bytes())))
        };
        let top = of(self.directory.as_fd())?;
        let directory = of(place.directory.as_fd())?;
        let inner = directory.strip_prefix(top).ok()?;
        Some(Path::new("/").join(inner).join(&place.name))
    }
}

/// Where the kernel tells the path of a descriptor.
fn held(directory: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()))
}
