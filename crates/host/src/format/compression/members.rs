//! Compressed data in several pieces, one behind the other: members of gzip (RFC 1952),
//! streams of xz (<https://tukaani.org/xz/xz-file-format.txt>), frames of zstd (RFC 8878).
//!
//! Pieces whose ends can be found without unpacking them, and that are small, are unpacked
//! by several threads at once.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, BufRead, Read};

use super::packed::Packed;
use super::pool::{Pool, Unit};

/// Decodes one piece of what a reader gives, up to the piece's end and not beyond.
pub(super) trait Piece: Read + Sized {
    /// Some pieces that can be unpacked by themselves.
    type Unit: Unit;

    /// Whether a piece begins with this byte.
    fn begins_with(byte: u8) -> bool;

    /// Passes what may stand between and behind pieces, and means nothing.
    fn pass_padding(packed: &mut Packed) -> io::Result<()>;

    /// Takes one or more pieces off the packed data, where the next one can be unpacked by
    /// itself. Otherwise the data is left as it was.
    fn split(packed: &mut Packed) -> io::Result<Option<Self::Unit>>;

    /// Begins a piece.
    fn begin(packed: Packed) -> io::Result<Self>;

    /// What comes behind it.
    fn rest(self) -> Packed;
}

/// All pieces there are.
pub(super) struct Members<P: Piece> {
    at: At<P>,
    pool: Pool<P::Unit>,
    /// What was unpacked by the pool, and how much of it has been read.
    unpacked: (Vec<u8>, usize),
}

/// Where in the packed data.
enum At<P> {
    /// Behind a piece, or before the first.
    Between(Packed),
    /// In a piece that is unpacked as it comes.
    Within(P),
    /// The last one has ended, or one was wrong.
    End,
}

impl<P: Piece> Members<P> {
    pub(super) fn new(packed: Packed) -> Self {
        Members {
            at: At::Between(packed),
            pool: Pool::new(),
            unpacked: (Vec::new(), 0),
        }
    }

    /// Gives the pool what it can take, up to a piece that must be unpacked as it comes.
    fn advance(&mut self) -> io::Result<()> {
        while self.pool.has_room() {
            match std::mem::replace(&mut self.at, At::End) {
                At::Between(mut packed) => {
                    if !begins_another::<P>(&mut packed)? {
                        return Ok(());
                    }
                    match P::split(&mut packed)? {
                        Some(unit) => {
                            self.pool.give(unit)?;
                            self.at = At::Between(packed);
                        }
                        None => self.at = At::Within(P::begin(packed)?),
                    }
                }
                other => {
                    self.at = other;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Reads what the pool has unpacked; 0 when that is all for now.
    fn read_unpacked(&mut self, buffer: &mut [u8]) -> usize {
        let (bytes, from) = &mut self.unpacked;
        let left = bytes.get(*from..).unwrap_or_default();
        let count = left.len().min(buffer.len());
        let (Some(to), Some(left)) = (buffer.get_mut(..count), left.get(..count)) else {
            return 0;
        };
        to.copy_from_slice(left);
        *from = from.saturating_add(count);
        count
    }
}

impl<P: Piece> Read for Members<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let count = self.read_unpacked(buffer);
            if count > 0 {
                return Ok(count);
            }
            self.advance()?;
            if let Some(unpacked) = self.pool.next() {
                let (used, _) = std::mem::replace(&mut self.unpacked, (unpacked?, 0));
                self.pool.recycle(used);
                continue;
            }
            let At::Within(mut piece) = std::mem::replace(&mut self.at, At::End) else {
                return Ok(0);
            };
            let count = piece.read(buffer)?;
            if count > 0 {
                self.at = At::Within(piece);
                return Ok(count);
            }
            self.at = At::Between(piece.rest());
        }
    }
}

/// Whether there is one more.
fn begins_another<P: Piece>(packed: &mut Packed) -> io::Result<bool> {
    P::pass_padding(packed)?;
    match packed.fill_buf()?.first() {
        None => Ok(false),
        Some(byte) if P::begins_with(*byte) => Ok(true),
        Some(_) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "something else follows behind its end",
        )),
    }
}
