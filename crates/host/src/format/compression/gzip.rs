//! gzip, as gzip(1), pigz and bgzip write it (RFC 1952).
//!
//! bgzip cuts its data into members of 64 KiB at most, and each says how long it is ("BGZF",
//! <https://samtools.github.io/hts-specs/SAMv1.pdf>, section 4.1), so that several threads can
//! unpack them.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, BufRead};
use std::ops::Range;

use flate2::bufread::GzDecoder;
use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::members::Piece;
use super::packed::Packed;
use super::pool::Unit;

/// The first byte of any member.
const FIRST: u8 = 0x1f;

/// How a member of bgzip begins: magic number, deflate, the flag of an extra field. Time, flags
/// and system follow, which may be anything.
const BEGINNING: &[u8] = b"\x1f\x8b\x08\x04";

/// Where the extra field is, and how it begins: 6 bytes, which hold one subfield "BC" of 2 bytes.
const EXTRA: (usize, &[u8]) = (10, b"\x06\x00BC\x02\x00");

/// Bytes of a header: the beginning, and the member's length less one.
const HEADER: usize = 18;

/// Bytes behind the packed data: checksum and length.
const TRAILER: usize = 8;

/// The most bytes in such a member.
const LARGEST: usize = 1 << 16;

/// Bytes, unpacked, that a thread gets at once.
const ENOUGH: usize = 1 << 20;

impl Piece for GzDecoder<Packed> {
    type Unit = Blocks;

    fn begins_with(byte: u8) -> bool {
        byte == FIRST
    }

    fn pass_padding(packed: &mut Packed) -> io::Result<()> {
        packed.skip_zeroes()
    }

    fn split(packed: &mut Packed) -> io::Result<Option<Blocks>> {
        let mut blocks = Blocks::default();
        while blocks.length < ENOUGH && blocks.take(packed)? {}
        Ok(Some(blocks).filter(|blocks| !blocks.members.is_empty()))
    }

    fn begin(packed: Packed) -> io::Result<Self> {
        Ok(GzDecoder::new(packed))
    }

    fn rest(self) -> Packed {
        self.into_inner()
    }
}

/// Some members of bgzip.
#[derive(Default)]
pub(super) struct Blocks {
    packed: Vec<u8>,
    members: Vec<Member>,
    /// Bytes in all of them.
    length: usize,
}

/// One of them.
struct Member {
    /// Where its packed data is.
    at: Range<usize>,
    checksum: u32,
    length: usize,
}

impl Blocks {
    /// Takes one more; false when what comes is none.
    fn take(&mut self, packed: &mut Packed) -> io::Result<bool> {
        if packed.fill_buf()?.first() != Some(&FIRST) {
            return Ok(false);
        }
        let begin = self.packed.len();
        let is_one = match packed.pull(&mut self.packed, HEADER) {
            Ok(()) => begins_block(self.packed.get(begin..).unwrap_or_default()),
            // A member of another kind may be shorter, or it is truncated.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(error),
        };
        if !is_one {
            packed.put_back(self.packed.split_off(begin));
            return Ok(false);
        }
        let data = begin.saturating_add(HEADER);
        let length = self.packed.get(data.saturating_sub(2)..);
        let length = length.and_then(<[u8]>::first_chunk).copied();
        let length = usize::from(u16::from_le_bytes(length.unwrap_or_default()));
        let left = length.saturating_add(1).saturating_sub(HEADER);
        let end = left.checked_sub(TRAILER).ok_or_else(damaged)?;
        packed.pull(&mut self.packed, left)?;
        let end = data.saturating_add(end);
        let word = |at: usize| {
            let bytes = self.packed.get(at..).and_then(<[u8]>::first_chunk);
            u32::from_le_bytes(bytes.copied().unwrap_or_default())
        };
        let length = usize::try_from(word(end.saturating_add(4))).unwrap_or(usize::MAX);
        if length > LARGEST {
            return Err(damaged());
        }
        self.members.push(Member {
            at: data..end,
            checksum: word(end),
            length,
        });
        self.length = self.length.saturating_add(length);
        Ok(true)
    }
}

impl Unit for Blocks {
    fn weight(&self) -> usize {
        self.packed.capacity().saturating_add(self.length)
    }

    fn unpack(self, into: &mut Vec<u8>) -> io::Result<()> {
        let mut decoder = Decompress::new(false);
        // What is there already is not cleared: all of it is written over.
        into.resize(self.length, 0);
        let mut left = into.as_mut_slice();
        for member in self.members {
            let (bytes, rest) = (left.split_at_mut_checked(member.length)).ok_or_else(damaged)?;
            left = rest;
            let packed = self.packed.get(member.at).unwrap_or_default();
            decoder.reset(false);
            let status = decoder.decompress(packed, bytes, FlushDecompress::Finish)?;
            let is_whole = status == Status::StreamEnd
                && usize::try_from(decoder.total_in()) == Ok(packed.len())
                && usize::try_from(decoder.total_out()) == Ok(bytes.len());
            let mut checksum = Crc::new();
            checksum.update(bytes);
            if !is_whole || checksum.sum() != member.checksum {
                return Err(damaged());
            }
        }
        Ok(())
    }
}

fn begins_block(header: &[u8]) -> bool {
    let (at, extra) = EXTRA;
    header.starts_with(BEGINNING) && header.get(at..).is_some_and(|rest| rest.starts_with(extra))
}

fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a block of bgzip is damaged: it is not what its header and its checksum say",
    )
}
