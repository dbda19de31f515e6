//! Owner, permissions and extended attributes of a file that takes another's place.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::CStr;
use std::os::fd::AsFd;

use rustix::buffer::spare_capacity;
use rustix::fs::{
    Gid, Mode, Stat, Uid, XattrFlags, fchmod, fchown, fgetxattr, flistxattr, fsetxattr,
};
use rustix::io::{self, Errno};

/// `XATTR_LIST_MAX` and `XATTR_SIZE_MAX` of linux/limits.h, in bytes.
const XATTR_MAX: usize = 65536;

/// The label of SELinux.
pub(super) const LABEL: &CStr = c"security.selinux";

/// Made from a file's content, hence wrong for a new one (evm and ima of the kernel).
const OF_CONTENT: [&[u8]; 2] = [b"security.ima", b"security.evm"];

/// No user or group has this id: to fchown(2) it means that nothing changes.
const NOBODY_AT_ALL: u32 = u32::MAX;

/// Owner, group and permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// User id.
    pub owner: u32,
    /// Group id.
    pub group: u32,
    /// The twelve permission bits.
    pub mode: u32,
}

impl Attributes {
    /// Those of a file of root.
    #[must_use]
    pub const fn of_root(mode: u32) -> Self {
        Attributes {
            owner: 0,
            group: 0,
            mode,
        }
    }

    pub(super) fn of(found: &Stat) -> Self {
        Attributes {
            owner: found.st_uid,
            group: found.st_gid,
            mode: found.st_mode & 0o7777,
        }
    }

    /// Gives them to an open file or directory. The owner comes first: a change of it clears
    /// the set-user-id bit.
    pub(super) fn give(self, to: impl AsFd) -> io::Result<()> {
        if self.owner == NOBODY_AT_ALL || self.group == NOBODY_AT_ALL {
            return Err(Errno::INVAL);
        }
        let owner = Uid::from_raw(self.owner);
        let group = Gid::from_raw(self.group);
        fchown(&to, Some(owner), Some(group))?;
        fchmod(&to, Mode::from_raw_mode(self.mode))
    }
}

/// Copies the extended attributes: access lists, labels, capabilities, the user's own.
pub(super) fn copy_extended(from: impl AsFd, to: impl AsFd) -> io::Result<()> {
    let mut names = Vec::with_capacity(XATTR_MAX);
    match flistxattr(&from, spare_capacity(&mut names)) {
        Ok(_) => {}
        // A file system without extended attributes has none to copy.
        Err(Errno::NOTSUP) => return Ok(()),
        Err(errno) => return Err(errno),
    }
    for name in names.split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else {
            continue;
        };
        if !OF_CONTENT.contains(&name.to_bytes()) {
            copy_one(&from, &to, name)?;
        }
    }
    Ok(())
}

/// Copies the SELinux label, if there is one: from the old file, or from the directory, as
/// SELinux itself labels a new file when its policy says nothing else.
pub(super) fn copy_label(from: impl AsFd, to: impl AsFd) -> io::Result<()> {
    copy_one(from, to, LABEL)
}

/// Whether there is an SELinux label. A file system that has none counts as labelled.
pub(super) fn has_label(of: impl AsFd) -> io::Result<bool> {
    let mut value = Vec::with_capacity(XATTR_MAX);
    match fgetxattr(&of, LABEL, spare_capacity(&mut value)) {
        Err(Errno::NODATA) => Ok(false),
        Ok(_) | Err(Errno::NOTSUP) => Ok(true),
        Err(errno) => Err(errno),
    }
}

fn copy_one(from: impl AsFd, to: impl AsFd, name: &CStr) -> io::Result<()> {
    let mut value = Vec::with_capacity(XATTR_MAX);
    match fgetxattr(&from, name, spare_capacity(&mut value)) {
        Ok(_) => fsetxattr(&to, name, &value, XattrFlags::empty()),
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(()),
        Err(errno) => Err(errno),
    }
}
