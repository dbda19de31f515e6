//! Adds SSH keys to the file that the image's SSH server reads for a user.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use crate::error::{Error, Result};
use crate::guest::passwd::{self, User};
use crate::guest::root::{ACCOUNTS_LIMIT, Attributes, FILE_LIMIT, Root, shown};
use crate::guest::{authorized_keys, shadow, sshd_config};

use super::SHADOW;

const GROUP: &str = "/etc/group";

/// Writable by the group, or by anybody.
const WRITABLE: u32 = 0o022;

/// Adds the keys for every user, in the file that sshd_config(5) names. Where they are the only
/// way in, expired accounts and those that the server shuts out are opened. Gives what may still
/// keep the users out.
pub(super) fn add(
    root: &Root,
    users: &[User],
    keys: &[&str],
    is_only_way: bool,
) -> Result<Vec<String>> {
    let settings = sshd_config::read(root)?.unwrap_or_default();
    let groups = root.read(GROUP, ACCOUNTS_LIMIT)?.unwrap_or_default();
    let mut warnings = Vec::new();
    for user in users {
        let groups = passwd::groups_of(&groups, user);
        let Some(file) = settings.authorized_keys_file(user, &groups) else {
            return Err(Error::image(format!(
                "the image's SSH server reads no file with keys of user {:?}: check \
                 AuthorizedKeysFile in its configuration",
                user.name
            )));
        };
        add_for(root, user, &file, keys)?;
        if settings.is_strict(user, &groups) {
            warnings.extend(laxness(root, user, &file)?);
        }
        if let Some(setting) = settings.bars_keys(user, &groups) {
            warnings.push(format!(
                "the image's SSH server lets {:?} not in by the keys that were given: see {setting} in \
                 its configuration, or make another user with property CREATE_USER",
                user.name
            ));
        }
        if is_only_way {
            open(root, user, !settings.uses_pam(user, &groups))?;
        }
    }
    Ok(warnings)
}

/// Whom the server does not let in by the password that was given.
pub(super) fn without_password(root: &Root, users: &[User]) -> Result<Vec<String>> {
    let settings = sshd_config::read(root)?.unwrap_or_default();
    let groups = root.read(GROUP, ACCOUNTS_LIMIT)?.unwrap_or_default();
    let warning = |user: &User| {
        let setting = settings.bars_passwords(user, &passwd::groups_of(&groups, user))?;
        Some(format!(
            "the image's SSH server lets {:?} not in by the password: see {setting} in its \
             configuration, or give keys",
            user.name
        ))
    };
    Ok(users.iter().filter_map(warning).collect())
}

/// Opens the account, if it has a line in shadow(5).
fn open(root: &Root, user: &User, locked: bool) -> Result<()> {
    let table = root.read(SHADOW, ACCOUNTS_LIMIT)?.unwrap_or_default();
    match shadow::with_login(&table, &user.name, locked, shadow::today()) {
        Some(opened) if user.is_shadowed && opened != table => {
            root.rewrite(SHADOW, &opened, Attributes::of_root(0o600))
        }
        _ => Ok(()),
    }
}

/// Why the server would not trust the file: a directory on its way, from the home directory on
/// or from the top, that somebody else may write to.
fn laxness(root: &Root, user: &User, file: &Path) -> Result<Option<String>> {
    for directory in file.ancestors().skip(1) {
        let Some(found) = root.directory_attributes(directory)? else {
            continue;
        };
        let is_theirs = found.owner == 0 || found.owner == user.uid;
        if !is_theirs || found.mode & WRITABLE != 0 {
            return Ok(Some(format!(
                "the image's SSH server will not take the keys of user {:?}: others may write to {}",
                user.name,
                shown(directory)
            )));
        }
        if directory == user.home {
            break;
        }
    }
    Ok(None)
}

fn add_for(root: &Root, user: &User, file: &Path, keys: &[&str]) -> Result<()> {
    if !user.home.is_absolute() {
        return Err(Error::image(format!(
            "the home directory of user {:?} in the image is {:?}, which is no absolute path",
            user.name, user.home
        )));
    }
    let is_at_home = file.starts_with(&user.home);
    make_directories(root, user, file, is_at_home)?;
    let content = root.read(file, FILE_LIMIT)?.unwrap_or_default();
    let content = authorized_keys::with_keys(&content, keys);
    let own = Attributes {
        owner: user.uid,
        group: user.gid,
        mode: 0o600,
    };
    // What a link or another place leads to may belong to the system: it keeps its owner.
    if is_at_home && !root.is_link(file)? {
        root.install(file, &content, own)
    } else {
        root.rewrite(file, &content, own)
    }
}

fn make_directories(root: &Root, user: &User, file: &Path, is_at_home: bool) -> Result<()> {
    let ours = Attributes::of_root(0o755);
    let own = Attributes {
        owner: user.uid,
        group: user.gid,
        mode: 0o700,
    };
    let Some(parent) = file.parent() else {
        return Ok(());
    };
    if !is_at_home {
        return root.make_directories(parent, ours);
    }
    if let Some(above) = user.home.parent() {
        root.make_directories(above, ours)?;
    }
    root.make_directories(parent, own)
}

#[cfg(test)]
mod tests;
