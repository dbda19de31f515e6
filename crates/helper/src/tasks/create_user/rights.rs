//! Lets a user act as root, by a file of its own for sudo or doas.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use snf_image_protocol::{NewUser, Rights};

use crate::error::{Error, Result};
use crate::guest::root::{Attributes, FILE_LIMIT, Root, shown};

/// Where sudo's own configuration stands.
const SUDOERS: [&str; 2] = ["/etc/sudoers", "/usr/etc/sudoers"];
/// The directory for it that the documentation of sudo names.
const SUDOERS_DIRECTORY: &str = "/etc/sudoers.d";
/// Late, so that it wins; without a dot, which sudo would leave out.
const SUDO_FILE: &str = "90-snf-image-user";

/// The directory that doas of Alpine reads.
const DOAS_DIRECTORY: &str = "/etc/doas.d";
const DOAS_FILE: &str = "90-snf-image-user.conf";

/// A file, and what it says.
pub(super) struct Grant {
    path: PathBuf,
    content: String,
    mode: u32,
}

/// The file that gives the rights that are asked for; `None` when none are.
///
/// # Errors
/// When the image has no program that would read it.
pub(super) fn find(root: &Root, wanted: &NewUser) -> Result<Option<Grant>> {
    let (sudo, doas) = match wanted.rights {
        Rights::None => return Ok(None),
        Rights::Password => ("", "persist"),
        Rights::NoPassword => ("NOPASSWD: ", "nopass"),
    };
    let name = &wanted.name;
    if let Some(file) = SUDOERS.into_iter().find(|file| root.exists(file)) {
        let content = root.read(file, FILE_LIMIT)?.unwrap_or_default();
        let Some(directory) = included(&content) else {
            return Err(Error::image(format!(
                "{} reads no directory such as {SUDOERS_DIRECTORY}: give rights by a group in property \
                 CREATE_USER instead of CREATE_USER_SUDO",
                shown(Path::new(file))
            )));
        };
        return Ok(Some(Grant {
            path: directory.join(SUDO_FILE),
            content: format!("{name} ALL=(ALL:ALL) {sudo}ALL\n"),
            mode: 0o440,
        }));
    }
    if root.is_directory(DOAS_DIRECTORY) {
        return Ok(Some(Grant {
            path: Path::new(DOAS_DIRECTORY).join(DOAS_FILE),
            content: format!("permit {doas} {name}\n"),
            mode: 0o400,
        }));
    }
    Err(Error::image(
        "the image has neither sudo nor doas with a directory /etc/doas.d, which property \
         CREATE_USER_SUDO needs",
    ))
}

/// The first directory that sudoers(5) includes.
fn included(sudoers: &[u8]) -> Option<PathBuf> {
    String::from_utf8_lossy(sudoers).lines().find_map(|line| {
        let line = line.trim_ascii();
        let rest = line.strip_prefix(['@', '#'])?.strip_prefix("includedir")?;
        let path = rest.strip_prefix([' ', '\t'])?.trim_ascii();
        let path = path.trim_matches('"').replace("\\ ", " ");
        path.starts_with('/').then(|| path.into())
    })
}

impl Grant {
    /// Writes the file, in place of one of an earlier deployment.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, root: &Root) -> Result<()> {
        if let Some(directory) = self.path.parent() {
            root.make_directories(directory, Attributes::of_root(0o750))?;
        }
        let attributes = Attributes::of_root(self.mode);
        root.install(&self.path, self.content.as_bytes(), attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_the_one_that_sudo_reads() {
        for (line, expected) in [
            ("@includedir /etc/sudoers.d", Some("/etc/sudoers.d")),
            (
                "x\n  #includedir\t/usr/local/etc/sudoers.d \n",
                Some("/usr/local/etc/sudoers.d"),
            ),
            ("@includedir \"/etc/a b\"", Some("/etc/a b")),
            ("# @includedir /etc/sudoers.d", None),
            ("#includedirs /x", None),
            ("@include /etc/sudoers.local", None),
            ("", None),
        ] {
            assert_eq!(
                included(line.as_bytes()),
                expected.map(PathBuf::from),
                "{line}"
            );
        }
    }
}
