//! Why an image is not known to be the one that was asked for.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::path::PathBuf;

use snf_image_sandbox::StartError;

use super::keys::KeysError;
use super::list::ListError;
use crate::digest::Digest;
use crate::fetch::{FetchError, OptionsError};
use crate::role::RoleError;
use crate::small_file::ReadError;
use crate::store::StoreError;

/// Why an image is not known to be the one that was asked for. The text is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerificationError {
    /// The node deploys nothing without.
    #[error(
        "{setting}=yes: an image needs {what} here, and {image} was given none; see /usr/share/doc/snf-image-host/verification.md"
    )]
    Required {
        /// The setting.
        setting: &'static str,
        /// What is missing.
        what: &'static str,
        /// The image.
        image: String,
    },
    /// A list or signature cannot be read.
    #[error(transparent)]
    File(#[from] ReadError),
    /// The same.
    #[error("reading {name}: {reason}")]
    Read {
        /// What.
        name: String,
        /// Why.
        reason: String,
    },
    /// A list or signature cannot be fetched.
    #[error(transparent)]
    Fetching(#[from] FetchError),
    /// It did not come whole.
    #[error("{0}")]
    Fetch(String),
    /// The settings do not say how to fetch it.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The list does not help.
    #[error("digest list {name}: {error}")]
    List {
        /// The list.
        name: String,
        /// Why not.
        error: ListError,
    },
    /// Nobody knows the store that it is in.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no name to look for in a list.
    #[error("image {0} has no file name that a list of digests could hold: give its digest itself")]
    NoName(String),
    /// KEYS_DIR cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A signature that does not hold.
    #[error("{signed} is not to be trusted: its signature {name} {error}")]
    Signature {
        /// Whose signature.
        signed: String,
        /// Where the signature is.
        name: String,
        /// What is wrong with it.
        error: SignatureError,
    },
    /// The image has another digest.
    #[error(
        "the {} digest of image {name} is {}, not {} as was asked for: the image is damaged or another one",
        .wanted.algorithm(), .found.hex(), .wanted.hex()
    )]
    Digest {
        /// The image.
        name: String,
        /// What was asked for.
        wanted: Digest,
        /// What it is.
        found: Digest,
    },
    /// What is in the cache is not what was put there.
    #[error(
        "the copy of image {name} in the cache (IMAGE_CACHE_DIR) was damaged and is removed: deploy again"
    )]
    Kept {
        /// The image.
        name: String,
    },
    /// The process that checks.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// The image could not be read by it.
    #[error("{0}")]
    Image(String),
    /// A descriptor could not be made.
    #[error("preparing the verification of an image: {0}")]
    Descriptor(#[from] io::Error),
    /// The process has not checked all that it should have.
    #[error("an image was not verified as it should have been; please report this as a bug")]
    Incomplete,
}

impl VerificationError {
    /// Whether it only stopped because somebody asked to.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            VerificationError::Role(RoleError::Cancelled)
                | VerificationError::Fetching(FetchError::Role(RoleError::Cancelled))
                | VerificationError::Signature {
                    error: SignatureError::Cancelled,
                    ..
                }
        )
    }
}

/// What is wrong with a signature; the end of a sentence about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Something else.
    #[error("is neither one of OpenPGP nor one of minisign")]
    NoSignature,
    /// A message with its signature, beside something else.
    #[error(
        "is a clear-signed message: where that is the list of digests itself, give it as both list and signature"
    )]
    ClearSigned,
    /// Both are said to be one, and it is not.
    #[error("is said to be the list itself, which is not clear-signed")]
    NotClearSigned,
    /// Not one key is there.
    #[error("is one of {kind}, and {} (KEYS_DIR) holds no key of that kind", directory.display())]
    NoKeys {
        /// Of what.
        kind: &'static str,
        /// KEYS_DIR.
        directory: PathBuf,
    },
    /// Another key made it.
    #[error("is by key {key}, which is not in {} (KEYS_DIR)", directory.display())]
    UnknownKey {
        /// What is known of the key.
        key: String,
        /// KEYS_DIR.
        directory: PathBuf,
    },
    /// The key is there, and it has not signed this.
    #[error("does not fit what it is said to sign: that was changed or is something else")]
    Bad,
    /// The key was good.
    #[error("is by key {0}, which has expired")]
    KeyExpired(String),
    /// The key was good.
    #[error("is by key {0}, which was revoked")]
    KeyRevoked(String),
    /// It was good.
    #[error("has expired; it is by key {0}")]
    Expired(String),
    /// Of minisign before 0.10 or with `-l`.
    #[error("was made by minisign without hashing first: sign with minisign -H")]
    NotHashed,
    /// The checking program.
    #[error("cannot be checked: {0}")]
    Program(#[from] StartError),
    /// The same.
    #[error("cannot be checked: gpgv gave no answer that says so ({0})")]
    Silent(String),
    /// No pipe, no memory.
    #[error("cannot be checked: {0}")]
    Io(#[from] io::Error),
    /// Somebody asked to stop.
    #[error("was not checked: cancelled")]
    Cancelled,
}
