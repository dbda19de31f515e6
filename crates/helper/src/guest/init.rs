//! Which program starts the system.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use super::root::Root;
use crate::error::Result;

/// Where systemd is.
const SYSTEMD: [&str; 2] = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];

/// What the kernel starts.
const INIT: &str = "/sbin/init";

/// More links than lead from one name to another, as a bound.
const MAX_LINKS: usize = 8;

/// Whether systemd starts the image: it is there, and the first program is a link to it or
/// missing. Debian lets it be there beside another one.
///
/// # Errors
/// When a link cannot be read.
pub fn is_systemd(root: &Root) -> Result<bool> {
    if !SYSTEMD.iter().any(|path| root.exists(path)) {
        return Ok(false);
    }
    if !root.has_entry(INIT)? {
        return Ok(true);
    }
    let mut path = PathBuf::from(INIT);
    for _ in 0..MAX_LINKS {
        let Some(target) = root.link_target(&path)? else {
            break;
        };
        path = path.parent().unwrap_or(Path::new("/")).join(target);
    }
    Ok(path.file_name().is_some_and(|name| name == "systemd"))
}
