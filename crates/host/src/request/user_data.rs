//! User-data for cloud-init: bytes that only the image's cloud-init gives a meaning to.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::small_file::{ReadError, read_bounded};

/// The most that user-data may hold, in bytes. Clouds take between 16 KiB and 64 KiB; what is larger is
/// fetched by an `#include`.
pub const MAX_USER_DATA: usize = 1024 * 1024;

/// A configuration, a script, several of them as a MIME message, packed or not. It may hold
/// secrets, so `Debug` shows none of it, and the memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct UserData(Zeroizing<Vec<u8>>);

/// Why there is no user-data. The content is never shown.
#[derive(Debug, thiserror::Error)]
pub enum UserDataError {
    /// The file cannot be read.
    #[error("the user-data cannot be used: {0}")]
    Read(#[from] ReadError),
    /// Text that base64 does not make.
    #[error("it is not base64 (RFC 4648): encode the file with `base64`")]
    Base64,
    /// Too much.
    #[error("it holds more than 1048576 bytes (1 MiB): let it #include the rest from a server")]
    TooLarge,
}

impl UserData {
    /// Decodes base64, which may be broken into lines.
    ///
    /// # Errors
    /// When it is none, or more than [`MAX_USER_DATA`].
    pub fn from_base64(text: &str) -> Result<Self, UserDataError> {
        let text = Zeroizing::new(text.replace(['\n', '\r'], ""));
        let bytes = STANDARD.decode(text.as_bytes());
        let bytes = Zeroizing::new(bytes.map_err(|_| UserDataError::Base64)?);
        if bytes.len() > MAX_USER_DATA {
            return Err(UserDataError::TooLarge);
        }
        Ok(UserData(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for UserData {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Reads user-data as it is.
///
/// # Errors
/// When the file cannot be read or is larger than [`MAX_USER_DATA`].
pub fn read_user_data(path: &Path) -> Result<UserData, UserDataError> {
    let (bytes, _) = read_bounded(path, MAX_USER_DATA)?;
    Ok(UserData(Zeroizing::new(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_every_kind_come_through_base64_untouched() {
        for bytes in [
            &b""[..],
            b"#cloud-config\n",
            b"\x1f\x8b\0\xff",
            b"## template: jinja\n{{",
        ] {
            let text = STANDARD.encode(bytes);
            assert_eq!(UserData::from_base64(&text).unwrap().expose(), bytes);
            let (one, two) = text.split_at(text.len() / 2);
            let broken = format!("{one}\r\n{two}\n");
            assert_eq!(UserData::from_base64(&broken).unwrap().expose(), bytes);
        }
    }

    #[test]
    fn what_is_no_base64_or_too_much_is_refused_without_being_shown() {
        for text in ["hunter2!", "aHVudGVyMg", "aHVu dGVy"] {
            let error = UserData::from_base64(text).unwrap_err().to_string();
            assert!(
                error.contains("not base64") && !error.contains(text),
                "{error}"
            );
        }
        let most = STANDARD.encode(vec![0; MAX_USER_DATA]);
        let data = UserData::from_base64(&most).unwrap();
        assert_eq!(format!("{data:?}"), "***");
        let more = STANDARD.encode(vec![0; MAX_USER_DATA + 1]);
        assert!(
            UserData::from_base64(&more)
                .unwrap_err()
                .to_string()
                .contains("1 MiB")
        );
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("user-data");
        std::fs::write(&file, vec![0; MAX_USER_DATA + 1]).unwrap();
        assert!(
            read_user_data(&file)
                .unwrap_err()
                .to_string()
                .contains("larger than")
        );
    }
}
