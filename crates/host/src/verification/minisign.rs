//! Signatures of minisign: which key one is by, and whether it fits.
// SPDX-License-Identifier: BSD-2-Clause

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minisign_verify::{Error, PublicKey, Signature};

use super::error::SignatureError;
use super::keys::{Keys, MinisignKey};

/// The key that a signature is by.
pub(super) fn select(text: &str, keys: &Keys) -> Result<MinisignKey, SignatureError> {
    let signature = Signature::decode(text).map_err(|_| SignatureError::NoSignature)?;
    let directory = keys.directory().to_path_buf();
    if keys.minisign().is_empty() {
        let kind = "minisign";
        return Err(SignatureError::NoKeys { kind, directory });
    }
    for key in keys.minisign() {
        let Ok(public) = PublicKey::decode(&key.text) else {
            continue;
        };
        match public.verify_stream(&signature) {
            Ok(_) => return Ok(key.clone()),
            Err(Error::UnsupportedLegacyMode) => return Err(SignatureError::NotHashed),
            Err(_) => {}
        }
    }
    let key = key_id(text).unwrap_or_default();
    Err(SignatureError::UnknownKey { key, directory })
}

/// The number of the key, as `minisign` shows it: the eight bytes behind the algorithm's two, the last
/// one first, without leading zeroes.
fn key_id(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text.lines().nth(1)?.trim()).ok()?;
    let id = bytes.get(2..10)?.try_into().ok()?;
    Some(format!("{:X}", u64::from_le_bytes(id)))
}
