//! A path of a file inside the guest.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

use serde::{Deserialize, Serialize};

/// `PATH_MAX` of limits.h, in bytes, with the final NUL that C adds.
const MAX_PATH: usize = 4096;
/// `NAME_MAX` of limits.h, in bytes.
const MAX_NAME: usize = 255;

/// An absolute path without `.`, `..`, empty components or control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GuestPath(String);

/// Why a text cannot be a path inside the guest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path {path:?} is not valid: {reason}")]
pub struct GuestPathError {
    path: String,
    reason: &'static str,
}

impl GuestPath {
    /// Checks and takes over a path.
    ///
    /// # Errors
    /// When it is not absolute, not normal, names no file, is too long or holds a control
    /// character.
    pub fn new(path: &str) -> Result<Self, GuestPathError> {
        let refuse = |reason| {
            Err(GuestPathError {
                path: path.chars().take(200).collect(),
                reason,
            })
        };
        let Some(relative) = path.strip_prefix('/') else {
            return refuse("it must be absolute, that is, begin with /");
        };
        if path.len() >= MAX_PATH {
            return refuse("it is longer than 4095 bytes");
        }
        if path.chars().any(char::is_control) {
            return refuse("it holds a control character");
        }
        for name in relative.split('/') {
            match name {
                "" => return refuse("it has an empty component or names no file"),
                "." | ".." => return refuse("it must not hold . or .. as a component"),
                _ if name.len() > MAX_NAME => {
                    return refuse("a component is longer than 255 bytes");
                }
                _ => {}
            }
        }
        Ok(GuestPath(path.into()))
    }

    /// The path with its leading slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for GuestPath {
    type Error = GuestPathError;
    fn try_from(path: String) -> Result<Self, GuestPathError> {
        GuestPath::new(&path)
    }
}

impl From<GuestPath> for String {
    fn from(path: GuestPath) -> String {
        path.0
    }
}

impl fmt::Display for GuestPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_normal_absolute_path_is_taken() {
        for path in ["/a", "/etc/motd", "/srv/a b/ä.txt", "/..a/b.."] {
            assert_eq!(GuestPath::new(path).unwrap().as_str(), path);
        }
    }

    #[test]
    fn every_other_path_is_refused() {
        let long_name = format!("/{}", "a".repeat(256));
        let long_path = "/a".repeat(2048);
        for path in [
            "", "/", "a", "etc/motd", "/a/", "//a", "/a//b", "/./a", "/a/.", "/../a", "/a/..",
            "/a\0b", "/a\nb", &long_name, &long_path,
        ] {
            assert!(GuestPath::new(path).is_err(), "{path:?}");
        }
    }
}
