//! Big-endian numbers at fixed places.
// SPDX-License-Identifier: BSD-2-Clause

use crate::Error;

/// Bytes that are read field by field, never beyond their end.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    pub(crate) fn u8(self, at: usize) -> Result<u8, Error> {
        Ok(u8::from_be_bytes(self.bytes(at)?))
    }

    pub(crate) fn u32(self, at: usize) -> Result<u32, Error> {
        Ok(u32::from_be_bytes(self.bytes(at)?))
    }

    pub(crate) fn u64(self, at: usize) -> Result<u64, Error> {
        Ok(u64::from_be_bytes(self.bytes(at)?))
    }

    fn bytes<const N: usize>(self, at: usize) -> Result<[u8; N], Error> {
        self.0
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .ok_or(Error::Truncated {
                present: self.0.len(),
                needed: at.saturating_add(N),
            })
    }
}
