//! What a front end may say to name an image.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use crate::source::{ExternalId, Url, is_fetched};
use crate::store::{self, StoredName};

/// The name of an image, before anything is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A file or block device.
    Path(PathBuf),
    /// Something to fetch.
    Url(Url),
    /// In a store.
    Stored(StoredName),
    /// No image: the disk keeps what it holds, and is customised.
    Null,
    /// What another program may know how to read.
    External(ExternalId),
}

impl Reference {
    /// Reads `NAME`, `local://NAME`, `file://NAME`, a URL, the name of an image in a store, `null`, or
    /// `SCHEME:…` of another scheme.
    ///
    /// # Errors
    /// When a URL is not valid, a name is missing, or another program would take it for an option.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once(':') else {
            return Ok(match text {
                "null" => Reference::Null,
                name => Reference::Path(name.into()),
            });
        };
        match scheme.to_ascii_lowercase().as_str() {
            "local" | "file" => match rest.strip_prefix("//") {
                Some(name) => Ok(Reference::Path(name.into())),
                None => Err(format!(
                    "after {scheme}: two slashes and the name of an image must follow"
                )),
            },
            fetched if is_fetched(fetched) => match Url::parse(text) {
                Ok(url) => Ok(Reference::Url(url)),
                Err(error) => Err(error.to_string()),
            },
            stored if store::SCHEMES.contains(&stored) => StoredName::parse(stored, rest)
                .map(Reference::Stored)
                .map_err(|error| error.to_string()),
            _ => Ok(Reference::External(ExternalId::parse(text)?)),
        }
    }

    /// Reads an argument of the command line, where a path may hold colons: only what begins with
    /// `SCHEME://` is none. A file of the name `null` is `./null`.
    ///
    /// # Errors
    /// When a URL is not valid.
    pub fn of_argument(argument: &OsStr) -> Result<Self, String> {
        match argument.to_str() {
            Some(text) if text == "null" || has_scheme(text) => Self::parse(text),
            _ => Ok(Reference::Path(argument.into())),
        }
    }
}

fn has_scheme(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && (scheme.bytes())
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    };
    text.split_once("://")
        .is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// As messages name it: of a URL without its secrets.
impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Path(path) => path.display().fmt(formatter),
            Reference::Url(url) => url.fmt(formatter),
            Reference::Stored(name) => name.fmt(formatter),
            Reference::Null => formatter.write_str("null"),
            Reference::External(id) => id.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(reference: Result<Reference, String>) -> &'static str {
        match reference {
            Ok(Reference::Path(_)) => "path",
            Ok(Reference::Url(_)) => "url",
            Ok(Reference::Stored(_)) => "stored",
            Ok(Reference::Null) => "null",
            Ok(Reference::External(_)) => "external",
            Err(_) => "refused",
        }
    }

    #[test]
    fn what_comes_before_the_colon_says_what_it_is() {
        for (text, expected) in [
            ("debian", "path"),
            ("local://debian", "path"),
            ("file://debian", "path"),
            ("local:debian", "refused"),
            ("null", "null"),
            ("https://example.org/debian?x=1&y=a b", "url"),
            ("HTTP://example.org/debian", "url"),
            ("http://", "refused"),
            ("pithos://user/container/a b?c&d", "external"),
            ("s3://images/debian 12?x#y", "stored"),
            ("S3://images", "refused"),
            ("pithosmap:x", "external"),
            ("-s:x", "refused"),
        ] {
            assert_eq!(kind(Reference::parse(text)), expected, "{text}");
        }
    }

    #[test]
    fn an_argument_is_a_path_wherever_it_can_be_one() {
        for (text, expected) in [
            ("/dev/disk/by-path/pci-0000:00:1f.2", "path"),
            ("a:b", "path"),
            ("./null", "path"),
            ("./http://x", "path"),
            ("null", "null"),
            ("http://example.org/x", "url"),
            ("pithos://x", "external"),
        ] {
            let reference = Reference::of_argument(text.as_ref());
            assert_eq!(kind(reference), expected, "{text}");
        }
    }
}
