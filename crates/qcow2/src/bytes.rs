//! Where an image's bytes are read from.
// SPDX-License-Identifier: BSD-2-Clause

/// The file that an image lies in. Several threads read from it at once.
pub trait Bytes: Sync {
    /// Why bytes cannot be read.
    type Error: std::error::Error + 'static;

    /// How many there are.
    fn length(&self) -> u64;

    /// Fills `buffer` with the bytes at `offset`, which are all below [`Bytes::length`].
    ///
    /// # Errors
    /// When they cannot be read.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), Self::Error>;
}
