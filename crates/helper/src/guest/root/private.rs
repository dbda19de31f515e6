//! Directories that nobody but the system and its administrators may look into.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{XattrFlags, fsetxattr};
use rustix::io::Errno;

use super::replace::readable;
use super::{Attributes, Root, Ways, failed};
use crate::error::Result;

/// By which name the driver of NTFS takes access lists (ntfs-3g(8), "Extended attributes").
const ACCESS_LIST: &str = "system.ntfs_acl";

/// A security descriptor: Administrators own it, they and SYSTEM have all rights, which files and directories
/// in it get as well, and nothing is passed on from above ([MS-DTYP], 2.4.6).
const PRIVATE: [u8; 104] = [
    1, 0, 4, 0x90, // revision; self-relative, protected list
    72, 0, 0, 0, 88, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0,
    0, // where owner, group, no audit list and the list are
    2, 0, 52, 0, 2, 0, 0, 0, // the list: revision, its bytes, two entries
    0, 3, 24, 0, 0xff, 1, 0x1f, 0, // allowed, passed on, its bytes, all rights
    1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0, // S-1-5-32-544, Administrators
    0, 3, 20, 0, 0xff, 1, 0x1f, 0, //
    1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, // S-1-5-18, SYSTEM
    1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0, // the owner
    1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0, // the group
];

impl Root {
    /// Makes a directory that is private, with all that is put into it from then on; one that exists becomes so.
    ///
    /// # Errors
    /// When it cannot be made, or its access list cannot be set.
    pub fn make_private_directory(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.make_directories(path, Attributes::of_root(0o700))?;
        if self.ways != Ways::Windows {
            return Ok(());
        }
        let failed = |errno| failed("setting the access list of", path, errno);
        let directory = self.directory(path)?.ok_or_else(|| failed(Errno::NOENT))?;
        let directory = readable(directory.as_fd()).map_err(failed)?;
        fsetxattr(directory, ACCESS_LIST, &PRIVATE, XattrFlags::empty()).map_err(failed)
    }
}
