//! Files that the deployment puts into the image.
// SPDX-License-Identifier: BSD-2-Clause

use serde::{Deserialize, Serialize};

use crate::GuestPath;

/// One file. Its content lies beside the parameters, in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InjectedFile {
    /// Where it goes.
    pub path: GuestPath,
    /// Whose it is; root when nothing is said.
    pub owner: Account,
    /// Whose group it is; group 0 when nothing is said.
    pub group: Account,
    /// Its permissions.
    pub mode: FileMode,
    /// The name of the file on the parameters disk that holds the content, for example
    /// `files/0`.
    pub content: String,
}

/// A user or a group: by number, or by a name that the image's passwd(5) or group(5) knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Account {
    /// A user or group id.
    Id(u32),
    /// A name.
    Name(String),
}

/// Permission bits, at most 0o7777.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct FileMode(u32);

/// Why an attribute of a file means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonalityError {
    /// Not the name of an account and not a number.
    #[error(
        "account {0:?} is not valid: give a name of the image's passwd or group file, or a number"
    )]
    Account(String),
    /// More than the twelve permission bits, or not octal.
    #[error("mode {0:?} is not valid: give at most four octal digits, such as 0644")]
    Mode(String),
}

impl Account {
    /// Reads a number or a name.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, PersonalityError> {
        if let Ok(id) = text.parse() {
            return Ok(Account::Id(id));
        }
        let legal = !text.is_empty()
            && text.len() <= 255
            && !text.starts_with('-')
            && !text.chars().any(|sign| sign.is_control() || sign == ':');
        if legal {
            Ok(Account::Name(text.into()))
        } else {
            Err(PersonalityError::Account(text.chars().take(80).collect()))
        }
    }
}

impl FileMode {
    /// What a file gets when nothing is said: readable by its owner and group, 0440.
    pub const DEFAULT: FileMode = FileMode(0o440);

    /// Reads octal digits.
    ///
    /// # Errors
    /// When they are not octal or mean more than 0o7777.
    pub fn parse_octal(text: &str) -> Result<Self, PersonalityError> {
        u32::from_str_radix(text, 8)
            .ok()
            .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|bits| FileMode::try_from(bits).ok())
            .ok_or_else(|| PersonalityError::Mode(text.chars().take(80).collect()))
    }

    /// The bits.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for FileMode {
    type Error = PersonalityError;
    fn try_from(bits: u32) -> Result<Self, PersonalityError> {
        if bits <= 0o7777 {
            Ok(FileMode(bits))
        } else {
            Err(PersonalityError::Mode(format!("{bits:o}")))
        }
    }
}

impl From<FileMode> for u32 {
    fn from(mode: FileMode) -> u32 {
        mode.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_a_number_or_a_name() {
        assert_eq!(Account::parse("1000").unwrap(), Account::Id(1000));
        assert_eq!(
            Account::parse("www-data").unwrap(),
            Account::Name("www-data".into())
        );
        for text in ["", "a:b", "-x", "a\nb"] {
            assert!(Account::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_mode_is_octal_and_at_most_twelve_bits() {
        assert_eq!(FileMode::parse_octal("0644").unwrap().bits(), 0o644);
        assert_eq!(FileMode::parse_octal("7777").unwrap().bits(), 0o7777);
        for text in ["", "8", "10000", "+644", "-1", "0x1", "rw"] {
            assert!(FileMode::parse_octal(text).is_err(), "{text:?}");
        }
    }
}
