//! A value of the registry: its type and its bytes.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

/// Types (winnt.h).
const SZ: u32 = 1;
const EXPAND_SZ: u32 = 2;
const BINARY: u32 = 3;
const DWORD: u32 = 4;
const MULTI_SZ: u32 = 7;

/// A value. What it holds is not shown: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// Its type.
    pub kind: u32,
    /// Its bytes, text in UTF-16.
    pub data: Vec<u8>,
}

impl Value {
    /// A number, `REG_DWORD`.
    #[must_use]
    pub fn dword(number: u32) -> Self {
        Value {
            kind: DWORD,
            data: number.to_le_bytes().into(),
        }
    }

    /// A text, `REG_SZ`.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Value {
            kind: SZ,
            data: ended(text),
        }
    }

    /// A text in which names of variables between percent signs stand for their values,
    /// `REG_EXPAND_SZ`.
    #[must_use]
    pub fn expandable(text: &str) -> Self {
        Value {
            kind: EXPAND_SZ,
            data: ended(text),
        }
    }

    /// Texts, `REG_MULTI_SZ`.
    #[must_use]
    pub fn texts(texts: &[&str]) -> Self {
        let mut data: Vec<u8> = texts.iter().flat_map(|text| ended(text)).collect();
        data.extend([0, 0]);
        Value {
            kind: MULTI_SZ,
            data,
        }
    }

    /// Bytes, `REG_BINARY`.
    #[must_use]
    pub fn binary(bytes: &[u8]) -> Self {
        Value {
            kind: BINARY,
            data: bytes.into(),
        }
    }

    /// The number that it is.
    #[must_use]
    pub fn as_dword(&self) -> Option<u32> {
        let bytes = self.data.as_slice().try_into().ok()?;
        (self.kind == DWORD).then(|| u32::from_le_bytes(bytes))
    }

    /// The text that it is, up to its end; what is no UTF-16 becomes U+FFFD.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        matches!(self.kind, SZ | EXPAND_SZ).then(|| {
            let units = units(&self.data).take_while(|unit| *unit != 0);
            let units: Vec<_> = units.collect();
            String::from_utf16_lossy(&units)
        })
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "type {}, {} bytes", self.kind, self.data.len())
    }
}

/// A text in UTF-16 with its end.
fn ended(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().chain([0]);
    units.flat_map(u16::to_le_bytes).collect()
}

/// The units of UTF-16 in bytes; a byte left over is left out.
pub(super) fn units(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes
        .chunks_exact(2)
        .filter_map(|pair| Some(u16::from_le_bytes(*pair.first_chunk()?)))
}
