//! gzip, as gzip(1), pigz and bgzip write it (RFC 1952).
// SPDX-License-Identifier: BSD-2-Clause

use std::io;

use flate2::bufread::GzDecoder;

use super::members::{Packed, Piece};

impl Piece for GzDecoder<Packed> {
    const FIRST: u8 = 0x1f;

    fn begin(packed: Packed) -> io::Result<Self> {
        Ok(GzDecoder::new(packed))
    }

    fn rest(self) -> Packed {
        self.into_inner()
    }
}
