//! Ceph's configuration and keys on this node.
//!
//! Keyrings belong to root, and whoever exports the disk is not root: the key is read here and
//! told to QEMU.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

use super::ProtocolError;

/// Where both are.
pub(super) const DIRECTORY: &str = "/etc/ceph";

/// The configuration where none is named.
pub(super) const CONFIGURATION: &str = "/etc/ceph/ceph.conf";

/// The user where none is named.
pub(super) const USER: &str = "admin";

/// The longest keyring, in bytes.
const LONGEST: u64 = 1 << 20;

/// The name of a user, without `client.` before it.
pub(super) fn user(name: &str) -> Result<String, &'static str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.bytes().all(fits) {
        return Err("has an id that is no name of a user");
    }
    Ok(name.into())
}

/// The path of a configuration, which must be in [`DIRECTORY`].
pub(super) fn configuration(path: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(path);
    let is_plain = path
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !is_plain || path.parent() != Some(Path::new(DIRECTORY)) {
        return Err("has a configuration outside of /etc/ceph");
    }
    Ok(path)
}

/// The key of `client.USER`, from the first keyring that there is of those that Ceph looks for
/// (its option `keyring`). Without any, the cluster may need none.
pub(super) fn key(user: &str) -> Result<Option<Zeroizing<String>>, ProtocolError> {
    let places = [
        format!("{DIRECTORY}/ceph.client.{user}.keyring"),
        format!("{DIRECTORY}/ceph.keyring"),
        format!("{DIRECTORY}/keyring"),
    ];
    for place in places.map(PathBuf::from) {
        let failed = |error| ProtocolError::Key {
            user: user.into(),
            path: place.clone(),
            error,
        };
        let text = match read(&place) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        match find(&text, user) {
            Some(key) => return Ok(Some(key)),
            None => return Err(failed(io::ErrorKind::NotFound.into())),
        }
    }
    Ok(None)
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    if fs::metadata(path)?.len() > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read_to_string(path).map(Zeroizing::new)
}

/// Finds the line `key = …` of the section `[client.USER]`.
fn find(text: &str, user: &str) -> Option<Zeroizing<String>> {
    let section = format!("[client.{user}]");
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| *line == section)?;
    let key = lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| name.trim() == "key")
        .map(|(_, value)| value.trim())?;
    Some(Zeroizing::new(key.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYRING: &str = "[client.admin]\n\tkey = QVE9PQ==\n\tcaps mon = \"allow *\"\n\
                           [client.other]\nkey=Qg==\n[client.none]\n";

    #[test]
    fn a_key_is_found_in_its_own_section() {
        assert_eq!(find(KEYRING, "admin").unwrap().as_str(), "QVE9PQ==");
        assert_eq!(find(KEYRING, "other").unwrap().as_str(), "Qg==");
        assert_eq!(find(KEYRING, "none"), None);
        assert_eq!(find(KEYRING, "adm"), None);
    }

    #[test]
    fn a_configuration_lies_in_the_one_directory() {
        assert!(configuration("/etc/ceph/other.conf").is_ok());
        for path in [
            "/etc/shadow",
            "/etc/ceph/../shadow",
            "other.conf",
            "/etc/ceph/x/y",
            "/etc/ceph",
        ] {
            assert!(configuration(path).is_err(), "{path}");
        }
    }
}
