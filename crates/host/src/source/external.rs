//! The name of an image that another program may know how to read.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

/// The longest one, in bytes.
const LONGEST: usize = 8192;

/// `SCHEME:…`, of a scheme that nothing here reads. It may hold a secret, and is never shown whole.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalId {
    text: String,
    scheme: String,
}

impl ExternalId {
    /// Takes a name as it was given: whatever it holds is for the program to understand.
    ///
    /// # Errors
    /// When it could be taken for an option, holds a control character, has nothing before its first
    /// colon, or is longer than 8192 bytes. The text has none of it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        let refused = |reason: &str| Err(format!("the image's name {reason}"));
        if text.starts_with('-') {
            return refused("begins with a hyphen, so that a program would take it for an option");
        }
        if text.chars().any(char::is_control) {
            return refused("holds a control character");
        }
        if text.len() > LONGEST {
            return refused("is longer than 8192 bytes");
        }
        if scheme.is_empty() {
            return refused("has no scheme before its colon");
        }
        Ok(ExternalId {
            text: text.into(),
            scheme: scheme.chars().take(20).collect(),
        })
    }

    /// All of it, as it was given.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What comes before the first colon, cut to 20 characters.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }
}

/// The scheme alone.
impl fmt::Display for ExternalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:…", self.scheme)
    }
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ExternalId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_as_it_is_and_not_shown() {
        let text = "Pithos://a user/c/o?hunter2&x=%20 'y' \"$z\"";
        let id = ExternalId::parse(text).unwrap();
        assert_eq!(id.expose(), text);
        assert_eq!(id.to_string(), "Pithos:…");
        assert_eq!(format!("{id:?}"), "ExternalId(Pithos:…)");
    }

    #[test]
    fn what_is_no_name_is_refused_without_quoting_it() {
        let long = format!("hunter2:{}", "x".repeat(LONGEST));
        for text in [
            "-s:hunter2",
            "-",
            ":hunter2",
            "a:hunter2\n",
            "a:\u{9b}",
            "",
            &long,
        ] {
            let fault = ExternalId::parse(text).unwrap_err();
            assert!(!fault.contains("hunter2"), "{fault}");
        }
    }
}
