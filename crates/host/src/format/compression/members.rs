//! Compressed data in several pieces, one behind the other: members of gzip (RFC 1952),
//! streams of xz (<https://tukaani.org/xz/xz-file-format.txt>).
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, BufRead, Read};

/// What a decoder takes from.
pub(super) type Packed = io::BufReader<Box<dyn Read + Send>>;

/// Decodes one piece of what a reader gives, up to the piece's end and not beyond.
pub(super) trait Piece: Read + Sized {
    /// The first byte of any piece.
    const FIRST: u8;

    /// Begins one.
    fn begin(packed: Packed) -> io::Result<Self>;

    /// What comes behind it.
    fn rest(self) -> Packed;
}

/// All pieces there are. Zeroes may stand between and behind them.
pub(super) struct Members<P> {
    /// `None` when the last one has ended, or one was wrong.
    piece: Option<P>,
}

impl<P: Piece> Members<P> {
    pub(super) fn begin(packed: Packed) -> io::Result<Self> {
        let piece = Some(P::begin(packed)?);
        Ok(Members { piece })
    }
}

impl<P: Piece> Read for Members<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(mut piece) = self.piece.take() {
            let count = piece.read(buffer)?;
            if count > 0 {
                self.piece = Some(piece);
                return Ok(count);
            }
            let mut packed = piece.rest();
            if begins_another(&mut packed, P::FIRST)? {
                self.piece = Some(P::begin(packed)?);
            }
        }
        Ok(0)
    }
}

/// Whether there is one more, behind zeroes or none.
fn begins_another(packed: &mut impl BufRead, first: u8) -> io::Result<bool> {
    loop {
        let ahead = packed.fill_buf()?;
        match ahead.first() {
            None => return Ok(false),
            Some(byte) if *byte == first => return Ok(true),
            Some(0) => {
                let zeroes = ahead.iter().take_while(|byte| **byte == 0).count();
                packed.consume(zeroes);
            }
            Some(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "something else follows behind its end",
                ));
            }
        }
    }
}
