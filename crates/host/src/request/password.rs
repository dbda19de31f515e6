//! Passwords and their hashes, from files so that no process list shows them.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use snf_image_protocol::Secret;
use zeroize::Zeroizing;

use crate::small_file::{ReadError, read_bounded};

/// The longest password that crypt(3) takes, in bytes: `CRYPT_MAX_PASSPHRASE_SIZE` of
/// libxcrypt, with its final NUL.
const MAX_PASSWORD: usize = 511;

/// Why a file gives no password. The content is never shown.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// It cannot be read.
    #[error("the password file cannot be used: {0}")]
    Read(#[from] ReadError),
    /// Nothing in it.
    #[error("the password file {0} is empty")]
    Empty(PathBuf),
    /// Not text.
    #[error("the password file {0} is not UTF-8 text")]
    NotText(PathBuf),
    /// Text that is no password, or no hash.
    #[error("the password file {path} {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
}

/// Looks whether a text can be a password. The empty one can.
///
/// # Errors
/// Why it cannot, in words that follow the name of what holds it.
pub fn check_password(text: &str) -> Result<(), &'static str> {
    if text.chars().any(char::is_control) {
        return Err("holds a newline, NUL or other control character: a password is one line");
    }
    if text.len() > MAX_PASSWORD {
        return Err("is longer than 511 bytes, the most that crypt(3) takes");
    }
    Ok(())
}

/// Looks whether a text can be a crypt(5) hash.
///
/// # Errors
/// Why it cannot, in words that follow the name of what holds it.
pub fn check_password_hash(text: &str) -> Result<(), &'static str> {
    let legal = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    if !(2..=MAX_PASSWORD).contains(&text.len()) || !text.bytes().all(legal) {
        return Err(
            "is not a password hash that shadow(5) can hold: printable characters without colon \
             or space, such as `mkpasswd` prints",
        );
    }
    Ok(())
}

/// Reads a file that holds one password on one line.
///
/// # Errors
/// See [`PasswordError`].
pub fn read_password(path: &Path) -> Result<Secret, PasswordError> {
    checked(path, check_password)
}

/// Reads a file that holds one crypt(5) hash on one line.
///
/// # Errors
/// See [`PasswordError`].
pub fn read_password_hash(path: &Path) -> Result<Secret, PasswordError> {
    checked(path, check_password_hash)
}

fn checked(
    path: &Path,
    check: fn(&str) -> Result<(), &'static str>,
) -> Result<Secret, PasswordError> {
    let text = Zeroizing::new(read_line(path)?);
    check(&text).map_err(|reason| PasswordError::Content {
        path: path.into(),
        reason,
    })?;
    Ok(Secret::new(text.to_string()))
}

fn read_line(path: &Path) -> Result<String, PasswordError> {
    let bytes = Zeroizing::new(read_bounded(path, 4096)?.0);
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(PasswordError::Empty(path.into()));
    }
    let text = str::from_utf8(line).map_err(|_| PasswordError::NotText(path.into()))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn one_line_is_the_password() {
        for (bytes, password) in [
            (&b"secret"[..], "secret"),
            (b"secret\n", "secret"),
            (b"s e:c'r$et\r\n", "s e:c'r$et"),
            ("pässwörd\n".as_bytes(), "pässwörd"),
        ] {
            assert_eq!(
                read_password(file(bytes).path()).unwrap().expose(),
                password
            );
        }
    }

    #[test]
    fn everything_else_is_refused_and_never_shown() {
        let long = [b'x'; 600];
        for bytes in [
            &b""[..],
            b"\n",
            b"hunter2\n\n",
            b"hunter2\nx",
            b"hunter2\0",
            b"hunter2\xff",
            &long,
        ] {
            let fault = read_password(file(bytes).path()).unwrap_err().to_string();
            assert!(!fault.contains("hunter2"), "{fault}");
        }
    }

    #[test]
    fn a_hash_cannot_add_a_field_or_a_line_to_shadow() {
        assert!(read_password_hash(file(b"$6$salt$hash./\n").path()).is_ok());
        for bytes in [
            &b"$6$a:b"[..],
            b"$6$a b",
            b"$6$\nroot::",
            b"x",
            "$6$\u{e9}".as_bytes(),
        ] {
            assert!(read_password_hash(file(bytes).path()).is_err());
        }
    }
}
