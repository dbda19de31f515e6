//! The name that the machine gets.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest host name that Linux takes, in bytes: `HOST_NAME_MAX` of limits.h,
/// for the whole name, domain included (hostname(7)).
const MAX_LENGTH: usize = 64;

/// A host name or a fully qualified domain name as hostname(7) and RFC 1123 allow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hostname(String);

/// Why a text cannot be a host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostnameError {
    /// Nothing there.
    #[error("a host name must not be empty")]
    Empty,
    /// Longer than [`MAX_LENGTH`].
    #[error("host name {0:?} is longer than 64 bytes, the most that Linux takes")]
    TooLong(String),
    /// A label with a wrong form.
    #[error(
        "host name {0:?} is not valid: each part between dots is 1 to 63 letters, digits \
         or hyphens, with no hyphen at its ends"
    )]
    Label(String),
}

impl Hostname {
    /// Checks and takes over a name.
    ///
    /// # Errors
    /// When it breaks a rule of hostname(7).
    pub fn new(name: &str) -> Result<Self, HostnameError> {
        if name.is_empty() {
            return Err(HostnameError::Empty);
        }
        if name.len() > MAX_LENGTH {
            return Err(HostnameError::TooLong(name.chars().take(80).collect()));
        }
        if !name.split('.').all(is_label) {
            return Err(HostnameError::Label(name.into()));
        }
        Ok(Hostname(name.into()))
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first dot.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl TryFrom<String> for Hostname {
    type Error = HostnameError;
    fn try_from(name: String) -> Result<Self, HostnameError> {
        Hostname::new(&name)
    }
}

impl From<Hostname> for String {
    fn from(name: Hostname) -> String {
        name.0
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hostname_7_allows_are_taken() {
        for name in ["a", "vm42", "vm-1.example.org", "1.2", &"a".repeat(63)] {
            assert_eq!(Hostname::new(name).unwrap().as_str(), name);
        }
        assert_eq!(Hostname::new("vm.example.org").unwrap().short(), "vm");
    }

    #[test]
    fn everything_else_is_refused() {
        let long = "a".repeat(65);
        for name in [
            "", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "a\nb", "é", "$(id)", "a/b",
            &long,
        ] {
            assert!(Hostname::new(name).is_err(), "{name:?}");
        }
    }
}
