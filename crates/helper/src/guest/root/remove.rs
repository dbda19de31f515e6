//! Removes an entry with everything below it, whatever it is and without following a link.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;

use super::{Root, failed, shown};
use crate::error::{Error, Result};

/// The deepest directory that is entered.
const MAX_DEPTH: usize = 32;
/// The most entries that are removed at once.
const MAX_ENTRIES: usize = 100_000;

const HOW_TO_ENTER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Root {
    /// Removes what is at the path: a file, a link and not what it leads to, a directory with all
    /// that it holds. Says whether anything was there.
    ///
    /// # Errors
    /// When it cannot be removed, is deeper than 32 directories or holds more than a hundred
    /// thousand entries.
    pub fn remove_all(&self, path: impl AsRef<Path>) -> Result<bool> {
        let path = path.as_ref();
        let Some(place) = self.entry(path)?.filter(|place| place.found.is_some()) else {
            return Ok(false);
        };
        let name = CString::new(place.name.as_bytes())
            .map_err(|_| failed("removing", path, Errno::INVAL))?;
        let mut left = MAX_ENTRIES;
        match remove(place.directory.as_fd(), &name, MAX_DEPTH, &mut left) {
            Ok(()) => Ok(true),
            Err(Errno::OVERFLOW) => Err(Error::image(format!(
                "{} is deeper than {MAX_DEPTH} directories or holds more than {MAX_ENTRIES} \
                 entries, and is not removed",
                shown(path)
            ))),
            Err(errno) => Err(failed("removing", path, errno)),
        }
    }
}

/// Removes one entry of a directory. `EOVERFLOW`: a bound is reached.
fn remove(
    directory: BorrowedFd<'_>,
    name: &CStr,
    depth: usize,
    left: &mut usize,
) -> rustix::io::Result<()> {
    *left = left.checked_sub(1).ok_or(Errno::OVERFLOW)?;
    match unlinkat(directory, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => {}
        Err(Errno::NOENT) => return Ok(()),
        other => return other,
    }
    let depth = depth.checked_sub(1).ok_or(Errno::OVERFLOW)?;
    let inner = openat(directory, name, HOW_TO_ENTER, Mode::empty())?;
    for name in names(&inner, *left)? {
        remove(inner.as_fd(), &name, depth, left)?;
    }
    unlinkat(directory, name, AtFlags::REMOVEDIR)
}

/// All names first: a directory that changes may show one twice or not at all.
fn names(directory: impl AsFd, limit: usize) -> rustix::io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if names.len() >= limit {
            return Err(Errno::OVERFLOW);
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Image;

    #[test]
    fn a_tree_goes_and_what_its_links_lead_to_stays() {
        let image = Image::empty();
        image
            .file("/var/lib/cloud/instances/i-1/user-data", "x")
            .file("/etc/kept", "kept")
            .fifo("/var/lib/cloud/instances/fifo")
            .link("/var/lib/cloud/instances/in", "/etc")
            .link("/var/lib/cloud/instances/out", &image.outside(""))
            .link("/var/lib/cloud/instance", "/etc/kept");
        image.confined(|root| {
            assert!(root.remove_all("/var/lib/cloud/instances").unwrap());
            assert!(root.remove_all("/var/lib/cloud/instance").unwrap());
            assert!(!root.remove_all("/var/lib/cloud/instance").unwrap());
            assert!(!root.remove_all("/none/at/all").unwrap());
        });
        assert_eq!(image.text("/etc/kept"), "kept");
        assert!(!image.path("/var/lib/cloud/instances").exists());
        assert!(image.path("/var/lib/cloud").exists());
    }

    #[test]
    fn a_bottomless_tree_is_refused() {
        let image = Image::empty();
        let deep = format!("/var{}", "/d".repeat(40));
        image.directory(&deep);
        let error = image.confined(|root| root.remove_all("/var/d").unwrap_err().to_string());
        assert!(error.contains("deeper than 32"), "{error}");
    }
}
