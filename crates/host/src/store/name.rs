//! The names of images in stores, as they are given for an image.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

use serde::{Deserialize, Serialize};

use super::artifact::Artifact;

/// The longest name of a bucket, in bytes: S3 has at most 63, Swift 256.
const LONGEST_BUCKET: usize = 256;

/// The longest name of an object, in bytes: the limit of both S3 and Swift.
const LONGEST_KEY: usize = 1024;

/// The schemes of such names.
pub(crate) const SCHEMES: [&str; 3] = ["s3", "swift", "oci"];

/// The name of an image in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredName {
    /// `s3://BUCKET/KEY`
    S3(Object),
    /// `swift://CONTAINER/OBJECT`
    Swift(Object),
    /// `oci://REGISTRY/NAME:TAG` or `oci://REGISTRY/NAME@DIGEST`
    Oci(Artifact),
}

/// An object in a bucket, or in Swift's words a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// The bucket.
    pub bucket: String,
    /// The key, with whatever signs it has.
    pub key: String,
}

/// Why a text is no such name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not of the form of a registry's.
    #[error(
        "after oci: two slashes, HOST or HOST:PORT, a slash, and NAME:TAG or NAME@sha256:HEX must follow"
    )]
    Artifact,
    /// Not of the form.
    #[error("after {0}: two slashes, a {1}, a slash and the name of an object must follow")]
    Form(&'static str, &'static str),
    /// Of the form, but no name of a bucket.
    #[error(
        "the name of a {0} has letters, digits, dots, hyphens and underscores, at most 256 in all"
    )]
    Bucket(&'static str),
    /// Of the form, but no name of an object that can be asked for.
    #[error(
        "the name of an object has at most 1024 bytes, no control character, and neither . nor .. \
         between two slashes"
    )]
    Key,
}

impl StoredName {
    /// Reads a name whose scheme is one of [`SCHEMES`], and `rest` what follows the colon.
    ///
    /// # Errors
    /// See [`NameError`].
    pub(crate) fn parse(scheme: &str, rest: &str) -> Result<Self, NameError> {
        match scheme {
            "oci" => Artifact::parse(rest).map(StoredName::Oci),
            "swift" => Object::parse(rest, "swift", "container").map(StoredName::Swift),
            _ => Object::parse(rest, "s3", "bucket").map(StoredName::S3),
        }
    }
}

impl Object {
    /// Reads `//BUCKET/KEY`. Nothing in a key has a meaning of its own: `%`, `?` and `#` are signs of it.
    fn parse(rest: &str, scheme: &'static str, bucket: &'static str) -> Result<Self, NameError> {
        let (name, key) = (rest.strip_prefix("//"))
            .and_then(|rest| rest.split_once('/'))
            .filter(|(name, key)| !name.is_empty() && !key.is_empty())
            .ok_or(NameError::Form(scheme, bucket))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let dots = [".", ".."];
        if name.len() > LONGEST_BUCKET || !name.bytes().all(plain) || dots.contains(&name) {
            return Err(NameError::Bucket(bucket));
        }
        let leads_elsewhere = key.split('/').any(|part| dots.contains(&part));
        if key.len() > LONGEST_KEY || leads_elsewhere || key.chars().any(char::is_control) {
            return Err(NameError::Key);
        }
        Ok(Object {
            bucket: name.into(),
            key: key.into(),
        })
    }
}

impl fmt::Display for StoredName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoredName::S3(object) => write!(formatter, "s3://{object}"),
            StoredName::Swift(object) => write!(formatter, "swift://{object}"),
            StoredName::Oci(artifact) => write!(formatter, "oci://{artifact}"),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_as_it_is() {
        for key in [
            "a",
            "a/b/c.raw.xz",
            "/a",
            "a//b/",
            "ä ?x=1&y#%2e%2E",
            "..a/.b",
        ] {
            let object = Object::parse(&format!("//images/{key}"), "s3", "bucket").unwrap();
            assert_eq!(
                (object.bucket.as_str(), object.key.as_str()),
                ("images", key)
            );
        }
    }

    #[test]
    fn what_would_be_another_object_or_host_is_refused() {
        for rest in [
            "",
            "//",
            "//images",
            "//images/",
            "///key",
            "images/key",
            "//me@images/key",
            "//images:80/key",
            "//../key",
            "//images/..",
            "//images/a/../../other/key",
            "//images/./key",
            "//images/a\nb",
        ] {
            assert!(Object::parse(rest, "s3", "bucket").is_err(), "{rest:?}");
        }
        let long = "k".repeat(LONGEST_KEY + 1);
        assert!(Object::parse(&format!("//images/{long}"), "s3", "bucket").is_err());
    }
}
