//! SSH public keys, as ssh-keygen(1) writes them.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::small_file::{ReadError, read_bounded};

/// Why a file gives no public key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("the SSH key file cannot be used: {0}")]
    Read(#[from] ReadError),
    /// Somebody gave the wrong half.
    #[error(
        "{0} holds a private key, which belongs nowhere but on your machine: give the .pub file"
    )]
    Private(PathBuf),
    /// A line that is no key.
    #[error(
        "{path}: line {line} is not an SSH public key: expected `[OPTIONS] TYPE BASE64 [COMMENT]` (sshd(8))"
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// No line at all.
    #[error("{0} holds no SSH public key")]
    Empty(PathBuf),
}

/// The keys of a file in the format of authorized_keys (sshd(8)), a line each.
///
/// # Errors
/// See [`KeyError`].
pub fn read_authorized_keys(path: &Path) -> Result<Vec<String>, KeyError> {
    let (bytes, _) = read_bounded(path, 1024 * 1024)?;
    let keys = parse_authorized_keys(&String::from_utf8_lossy(&bytes), path)?;
    if keys.is_empty() {
        return Err(KeyError::Empty(path.into()));
    }
    Ok(keys)
}

/// The keys of a text in that format; there may be none. `path` is only for messages.
///
/// # Errors
/// When a line is no public key.
pub fn parse_authorized_keys(text: &str, path: &Path) -> Result<Vec<String>, KeyError> {
    if text.contains("PRIVATE KEY-----") {
        return Err(KeyError::Private(path.into()));
    }
    let mut keys = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.chars().any(char::is_control) || !holds_key(line) {
            return Err(KeyError::Line {
                path: path.into(),
                line: number,
            });
        }
        keys.push(line.to_owned());
    }
    Ok(keys)
}

/// Whether a key type is followed by a blob that names the same type (RFC 4253, 6.6).
fn holds_key(line: &str) -> bool {
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    words.windows(2).any(|pair| {
        let [kind, blob] = pair else { return false };
        let Ok(blob) = STANDARD.decode(blob) else {
            return false;
        };
        let Some((length, rest)) = blob.split_first_chunk::<4>() else {
            return false;
        };
        usize::try_from(u32::from_be_bytes(*length)).is_ok_and(|length| length == kind.len())
            && rest.starts_with(kind.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbYFQnzCKcGAQbUe6mkjTiMAJmpDdH0jsPiKsgD0BQa me@here";

    fn read(text: &str) -> Result<Vec<String>, KeyError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_authorized_keys(file.path())
    }

    #[test]
    fn keys_are_taken_with_options_and_comments() {
        let restricted = format!("restrict,command=\"echo a b\" {KEY}");
        let text = format!("# mine\n\n{KEY}\n  {restricted}  \n");
        assert_eq!(read(&text).unwrap(), [KEY, &restricted]);
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        for text in [
            "",
            "# nothing\n",
            "ssh-rsa",
            "ssh-rsa AAAA",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA",
            "hello world",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
        let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n";
        assert!(matches!(read(private), Err(KeyError::Private(_))));
    }
}
