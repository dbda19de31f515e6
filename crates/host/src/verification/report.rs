//! What the host tells the verifying process to do, and what it hears from it.
// SPDX-License-Identifier: BSD-2-Clause

use serde::{Deserialize, Serialize};

use super::keys::MinisignKey;
use crate::digest::{Algorithm, Digest};

/// One image to look at. Beside it go the descriptors of the image and, in this order, of what
/// there is of: the pipe to pass it on to, the pipe of the program that checks its OpenPGP signature, the file
/// of the cache.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    /// What messages call the image.
    pub(super) name: String,
    /// Whether it comes by a pipe, and is to be passed on.
    pub(super) is_stream: bool,
    /// The digests to take.
    pub(super) algorithms: Vec<Algorithm>,
    /// Its signature by minisign.
    pub(super) minisign: Option<Minisign>,
    /// Whether a program checks an OpenPGP signature.
    pub(super) has_program: bool,
    /// How many bytes may be put into the cache, where it is to be put there.
    pub(super) store: Option<u64>,
}

/// A signature by minisign, and the key that it should be by.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Minisign {
    pub(super) key: MinisignKey,
    pub(super) signature: String,
}

/// What the process says at its end.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// All of the image was seen.
    Done(Findings),
    /// Not all of it was, and this is why.
    Failed { reason: String },
}

/// What there is to say of the bytes of an image.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Findings {
    /// The digests that were to be taken.
    pub(super) digests: Vec<Digest>,
    /// Whether the signature by minisign fits, where there is one.
    pub(super) minisign: Option<bool>,
    /// Whether it is in the file of the cache, where it was to be put there, or why not.
    pub(super) stored: Option<Result<(), String>>,
}
