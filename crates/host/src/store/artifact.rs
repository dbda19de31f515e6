//! The names of images in registries.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

use serde::{Deserialize, Serialize};

use super::NameError;
use crate::digest::Digest;
use crate::source::Url;

/// The longest name of a repository, in bytes, that registries take.
const LONGEST_REPOSITORY: usize = 255;

/// The longest tag, in bytes, by the distribution specification.
const LONGEST_TAG: usize = 128;

/// An artifact in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Host and port of the registry, the port only where it was given.
    pub registry: String,
    /// The repository.
    pub repository: String,
    /// Which of its artifacts.
    pub version: Version,
}

/// Which of a repository's artifacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// The one that has this tag now.
    Tag(String),
    /// The one whose manifest has this digest.
    Digest(Digest),
}

impl Artifact {
    /// Reads `//REGISTRY/NAME:TAG` or `//REGISTRY/NAME@DIGEST`; of both the digest counts.
    pub(super) fn parse(rest: &str) -> Result<Self, NameError> {
        let (registry, rest) = (rest.strip_prefix("//"))
            .and_then(|rest| rest.split_once('/'))
            .ok_or(NameError::Artifact)?;
        let (named, digest) = match rest.split_once('@') {
            Some((named, digest)) => {
                let digest: Digest = digest.parse().map_err(|_| NameError::Artifact)?;
                (named, Some(digest))
            }
            None => (rest, None),
        };
        let (repository, tag) = match named.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (named, None),
        };
        let version = match (tag, digest) {
            (tag, Some(digest)) if digest.algorithm().is_strong() && tag.is_none_or(is_tag) => {
                Version::Digest(digest)
            }
            (Some(tag), None) if is_tag(tag) => Version::Tag(tag.into()),
            _ => return Err(NameError::Artifact),
        };
        if !is_registry(registry) || !is_repository(repository) {
            return Err(NameError::Artifact);
        }
        Ok(Artifact {
            registry: registry.to_ascii_lowercase(),
            repository: repository.into(),
            version,
        })
    }
}

/// Whether a text is a host with or without a port, and nothing more.
pub(super) fn is_registry(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    text.bytes().all(plain) && Url::parse(&format!("https://{text}/")).is_ok()
}

fn is_repository(text: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
    };
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric()) && part.bytes().all(plain)
    };
    text.len() <= LONGEST_REPOSITORY && text.split('/').all(is_part)
}

fn is_tag(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !text.is_empty()
        && text.len() <= LONGEST_TAG
        && !text.starts_with(['.', '-'])
        && text.bytes().all(plain)
}

impl fmt::Display for Artifact {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        match &self.version {
            Version::Tag(tag) => write!(formatter, ":{tag}"),
            Version::Digest(digest) => write!(formatter, "@{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_other_tools_read_them() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for (text, shown) in [
            ("//ghcr.io/org/debian:12", "ghcr.io/org/debian:12"),
            ("//Registry.lan:5000/a:b", "registry.lan:5000/a:b"),
            ("//[::1]:5000/a/b.c/d_e:L-1", "[::1]:5000/a/b.c/d_e:L-1"),
            (&format!("//r/a@{digest}"), &format!("r/a@{digest}")),
            (&format!("//r/a:x@{digest}"), &format!("r/a@{digest}")),
        ] {
            assert_eq!(Artifact::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "//r",
            "//r/a",
            "//r/:x",
            "//r/a:",
            "//r/a:.x",
            "//r/A:x",
            "//r/../a:x",
            "//r/a/../b:x",
            "//r/a//b:x",
            "//me@r/a:x",
            "//r?/a:x",
            "///a:x",
            "//r:port/a:x",
            "//r/a@sha256:12",
            "//r/a@md5:d41d8cd98f00b204e9800998ecf8427e",
            "//r/a b:x",
        ] {
            assert!(Artifact::parse(text).is_err(), "{text}");
        }
    }
}
