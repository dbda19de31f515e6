//! Numbers in bytes, for structures that no tool makes.
// SPDX-License-Identifier: BSD-2-Clause

use anyhow::{Context, Result};

/// Bytes of a fixed length into which fields are put; what lies beyond their end is left out.
#[derive(Debug, Clone)]
pub(crate) struct Block(pub(crate) Vec<u8>);

impl Block {
    /// So many zeroes.
    pub(crate) fn of(length: usize) -> Self {
        Block(vec![0; length])
    }

    /// Puts bytes.
    pub(crate) fn bytes(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.0.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// Puts numbers of two bytes.
    pub(crate) fn halves(&mut self, at: usize, halves: &[u16]) {
        let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        self.bytes(at, &bytes);
    }

    /// Puts numbers of four bytes.
    pub(crate) fn words(&mut self, at: usize, words: &[u32]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.bytes(at, &bytes);
    }

    /// Puts numbers of eight bytes.
    pub(crate) fn longs(&mut self, at: usize, longs: &[u64]) {
        let bytes: Vec<u8> = longs.iter().flat_map(|long| long.to_le_bytes()).collect();
        self.bytes(at, &bytes);
    }
}

/// The number in so many bytes, at most eight, at an offset.
pub(crate) fn number(bytes: &[u8], at: usize, length: usize) -> Result<u64> {
    let field = bytes.get(at..at + length).context("a field is missing")?;
    Ok(field
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// The same as a place in memory.
pub(crate) fn place(bytes: &[u8], at: usize, length: usize) -> Result<usize> {
    Ok(usize::try_from(number(bytes, at, length)?)?)
}
