//! The home directory of a new user, with what the image has for everybody in it.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use super::owned;
use crate::error::{Error, Result};
use crate::guest::login_defs::LoginDefs;
use crate::guest::passwd::User;
use crate::guest::root::{Attributes, FILE_LIMIT, Root, shown};

/// What lies in every new home: the usual place, then that of systems that keep their own files
/// apart.
const SKELETONS: [&str; 2] = ["/etc/skel", "/usr/etc/skel"];

/// The permissions of a home where login.defs(5) gives none: nobody else's business.
const HOME_MODE: u32 = 0o700;

/// The most files and directories that are copied, and how deep they may lie.
const MAX_ENTRIES: usize = 1000;
const MAX_DEPTH: usize = 16;

/// Makes the home. One that is there already stays as it is; a warning says when it is another's.
pub(super) fn make(root: &Root, user: &User, settings: &LoginDefs) -> Result<Option<String>> {
    if let Some(found) = root.directory_attributes(&user.home)? {
        return Ok((found.owner != user.uid).then(|| {
            format!(
                "{} exists and does not belong to the new user {:?}",
                shown(&user.home),
                user.name
            )
        }));
    }
    if let Some(above) = user.home.parent() {
        root.make_directories(above, Attributes::of_root(0o755))?;
    }
    let mode = settings.number("HOME_MODE").unwrap_or(HOME_MODE);
    root.make_directories(&user.home, owned(user, mode & 0o777 | 0o700))?;
    let mut copy = Copy {
        root,
        user,
        entries: 0,
    };
    if let Some(skeleton) = SKELETONS.into_iter().find(|path| root.is_directory(path)) {
        copy.all(Path::new(skeleton), &user.home, 0)?;
    }
    Ok(None)
}

struct Copy<'root> {
    root: &'root Root,
    user: &'root User,
    entries: usize,
}

impl Copy<'_> {
    /// Copies files, directories and links; what is anything else is left out.
    fn all(&mut self, from: &Path, to: &Path, depth: usize) -> Result<()> {
        for name in self.root.list(from)? {
            self.entries = self.entries.saturating_add(1);
            if self.entries > MAX_ENTRIES || depth > MAX_DEPTH {
                return Err(Error::image(format!(
                    "{} holds more than {MAX_ENTRIES} files or is too deep",
                    shown(from)
                )));
            }
            self.one(&from.join(&name), to.join(&name), depth)?;
        }
        Ok(())
    }

    fn one(&mut self, from: &Path, to: PathBuf, depth: usize) -> Result<()> {
        if let Some(target) = self.root.link_target(from)? {
            return match target.to_str() {
                Some(target) => self.root.make_link(&to, target),
                None => Ok(()),
            };
        }
        if self.root.is_directory(from) {
            let found = self.root.directory_attributes(from)?;
            let mode = found.map_or(HOME_MODE, |found| found.mode & 0o777 | 0o700);
            self.root.make_directories(&to, owned(self.user, mode))?;
            return self.all(from, &to, depth.saturating_add(1));
        }
        if !self.root.is_regular(from)? {
            return Ok(());
        }
        let mode = self
            .root
            .attributes(from)?
            .map_or(0o600, |found| found.mode);
        let content = self.root.read(from, FILE_LIMIT)?.unwrap_or_default();
        self.root
            .install(&to, &content, owned(self.user, mode & 0o777))
    }
}
