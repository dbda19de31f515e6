//! Texts in scripts of PowerShell that no character can break out of.
// SPDX-License-Identifier: BSD-2-Clause

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A text as base64 of UTF-16, the form in which Windows Setup and PowerShell take encoded texts.
#[must_use]
pub fn base64_of(text: &str) -> Zeroizing<String> {
    let bytes: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    Zeroizing::new(STANDARD.encode(bytes.as_slice()))
}

/// An expression of PowerShell whose value is the text. There is nothing in it to quote: in
/// PowerShell even typographic quotation marks end a string.
#[must_use]
pub fn text(text: &str) -> Zeroizing<String> {
    let encoded = base64_of(text);
    Zeroizing::new(format!(
        "[Text.Encoding]::Unicode.GetString([Convert]::FromBase64String('{}'))",
        encoded.as_str()
    ))
}
