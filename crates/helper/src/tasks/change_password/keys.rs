//! Adds SSH keys to the file that the image's SSH server reads for a user.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use crate::error::{Error, Result};
use crate::guest::passwd::User;
use crate::guest::root::{Attributes, FILE_LIMIT, Root};
use crate::guest::{authorized_keys, sshd_config};

/// Adds the keys for every user, in the file that sshd_config(5) names.
pub(super) fn add(root: &Root, users: &[User], keys: &[&str]) -> Result<()> {
    let settings = sshd_config::read(root)?.unwrap_or_default();
    for user in users {
        let Some(file) = settings.authorized_keys_file(user) else {
            return Err(Error::image(format!(
                "the image's SSH server reads no file with keys of user {:?}: check \
                 AuthorizedKeysFile in its configuration",
                user.name
            )));
        };
        add_for(root, user, &file, keys)?;
    }
    Ok(())
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
