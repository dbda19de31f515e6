//! A signature of one of the two kinds, with the keys that it may be by.
// SPDX-License-Identifier: BSD-2-Clause

use super::error::SignatureError;
use super::keys::{Keys, MinisignKey};
use super::list::is_clear_signed;
use super::minisign;

/// The largest signature, in bytes: those of some people together.
pub(super) const LARGEST: usize = 64 << 10;

/// A signature beside what it signs, not looked into yet.
#[derive(Debug)]
pub struct Signature {
    /// Where it came from, as messages name it.
    pub(super) name: String,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Minisign { key: MinisignKey, text: String },
    OpenPgp { bytes: Vec<u8>, keys: Keys },
}

impl Signature {
    /// Takes a signature that came from `name`.
    ///
    /// # Errors
    /// When it is none, or there is no key that it could be by.
    pub fn parse(name: String, bytes: Vec<u8>, keys: Keys) -> Result<Self, SignatureError> {
        let kind = if is_clear_signed(&bytes) {
            return Err(SignatureError::ClearSigned);
        } else if is_openpgp(&bytes) {
            if keys.openpgp().is_empty() {
                return Err(SignatureError::NoKeys {
                    kind: "OpenPGP",
                    directory: keys.directory().into(),
                });
            }
            Kind::OpenPgp { bytes, keys }
        } else {
            let text = String::from_utf8(bytes).map_err(|_| SignatureError::NoSignature)?;
            let key = minisign::select(&text, &keys)?;
            Kind::Minisign { key, text }
        };
        Ok(Signature { name, kind })
    }
}

/// Whether it begins as an OpenPGP signature does, armoured (RFC 9580, 6.2) or as a packet (4.2).
fn is_openpgp(bytes: &[u8]) -> bool {
    let armoured = bytes.trim_ascii_start().starts_with(b"-----BEGIN PGP ");
    armoured || matches!(bytes.first(), Some(0x88..=0x8b | 0xc2))
}
