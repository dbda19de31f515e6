//! zstd, as zstd(1) and pzstd write it (RFC 8878).
//!
//! pzstd cuts its data into frames of some mebibytes. Where a frame ends shows when one goes
//! from the header of one block to that of the next, so that several threads can unpack them.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, BufRead, Read};

use zstd::bulk::Decompressor;
use zstd::stream::read::Decoder;

use super::members::Piece;
use super::packed::Packed;
use super::pool::Unit;

/// The largest window that a frame may ask for, as a power of two in bytes: the most that
/// zstd(1) takes unless told otherwise.
const WINDOW_LOG: u32 = 27;

/// The most that a frame which is unpacked by itself may hold, in bytes.
const LARGEST: usize = 32 << 20;

/// Bytes, unpacked, that a thread gets at once, where frames are smaller.
const ENOUGH: usize = 1 << 20;

/// The most bytes in a block.
const LARGEST_BLOCK: usize = 128 << 10;

/// The most blocks of a frame which is unpacked by itself: a block may be empty.
const MOST_BLOCKS: usize = 1 << 16;

/// The magic number of a frame.
const MAGIC: u32 = 0xfd2f_b528;

/// How frames that hold no data begin: their magic number has any lowest four bits.
const SKIPPABLE: u8 = 0x50;
const SKIPPABLE_REST: [u8; 3] = [0x2a, 0x4d, 0x18];

/// A frame that is unpacked as it comes.
pub(super) struct Frame(Decoder<'static, Packed>);

impl Read for Frame {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Piece for Frame {
    type Unit = Frames;

    fn begins_with(byte: u8) -> bool {
        MAGIC.to_le_bytes().first() == Some(&byte)
    }

    /// Frames without data may stand anywhere; pzstd says in them how long the next one is.
    fn pass_padding(packed: &mut Packed) -> io::Result<()> {
        while (packed.fill_buf()?.first()).is_some_and(|byte| byte & 0xf0 == SKIPPABLE) {
            let mut header = Vec::new();
            packed.pull(&mut header, 8)?;
            let is_one = header.get(1..4) == Some(&SKIPPABLE_REST);
            let length = header.get(4..).and_then(<[u8]>::first_chunk).copied();
            if !is_one {
                return Err(no_frame());
            }
            packed.skip(u32::from_le_bytes(length.unwrap_or_default()).into())?;
        }
        Ok(())
    }

    fn split(packed: &mut Packed) -> io::Result<Option<Frames>> {
        let mut frames = Frames::default();
        while frames.weight() < ENOUGH && frames.take(packed)? {}
        Ok(Some(frames).filter(|frames| !frames.packed.is_empty()))
    }

    fn begin(packed: Packed) -> io::Result<Self> {
        let mut decoder = Decoder::with_buffer(packed)?.single_frame();
        decoder.window_log_max(WINDOW_LOG)?;
        Ok(Frame(decoder))
    }

    fn rest(self) -> Packed {
        self.0.finish()
    }
}

/// Some whole frames.
#[derive(Default)]
pub(super) struct Frames {
    packed: Vec<u8>,
    /// The most bytes that can be in them.
    bound: usize,
}

impl Frames {
    /// Takes one more; false when there is none, or none that is small.
    fn take(&mut self, packed: &mut Packed) -> io::Result<bool> {
        Frame::pass_padding(packed)?;
        if packed.fill_buf()?.is_empty() {
            return Ok(false);
        }
        let begin = self.packed.len();
        let mut walk = Walk {
            packed,
            bytes: &mut self.packed,
        };
        match walk.frame()? {
            Some(bound) => {
                self.bound = self.bound.saturating_add(bound);
                Ok(true)
            }
            None => {
                packed.put_back(self.packed.split_off(begin));
                Ok(false)
            }
        }
    }
}

impl Unit for Frames {
    fn weight(&self) -> usize {
        self.packed.capacity().saturating_add(self.bound)
    }

    fn unpack(self, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        into.reserve(self.bound);
        Decompressor::new()?.decompress_to_buffer(&self.packed, into)?;
        Ok(())
    }
}

/// A way through a frame from header to header.
struct Walk<'a> {
    packed: &'a mut Packed,
    /// What was passed.
    bytes: &'a mut Vec<u8>,
}

impl Walk<'_> {
    /// Passes one frame, and says how many bytes can be in it; `None` when it is not small, or
    /// no decoder would take it.
    fn frame(&mut self) -> io::Result<Option<usize>> {
        if self.number(4)? != u64::from(MAGIC) {
            return Ok(None);
        }
        let Some((largest_block, has_checksum)) = self.header()? else {
            return Ok(None);
        };
        let mut bound = 0_usize;
        for _ in 0..MOST_BLOCKS {
            // The lowest bit says whether it is the last one, the next two what is in it.
            let block = self.number(3)?;
            let size = usize::try_from(block >> 3).unwrap_or(usize::MAX);
            let (packed, unpacked) = match block >> 1 & 3 {
                // As it is.
                0 => (size, size),
                // One byte again and again.
                1 => (1, size),
                2 => (size, largest_block),
                _ => return Ok(None),
            };
            bound = bound.saturating_add(unpacked);
            if size > largest_block || bound > LARGEST {
                return Ok(None);
            }
            self.packed.pull(self.bytes, packed)?;
            if block & 1 == 1 {
                self.number(if has_checksum { 4 } else { 0 })?;
                return Ok(Some(bound));
            }
        }
        Ok(None)
    }

    /// Passes what follows the magic number, and says how many bytes a block can have, and
    /// whether a checksum stands at the end; `None` when the frame is not small.
    fn header(&mut self) -> io::Result<Option<(usize, bool)>> {
        let descriptor = self.number(1)?;
        let is_one_segment = descriptor & 0x20 != 0;
        let window = if is_one_segment {
            None
        } else {
            let byte = self.number(1)?;
            let base = 1_u64.checked_shl(u32::try_from(10 + (byte >> 3)).unwrap_or(64));
            let base = base.unwrap_or(u64::MAX);
            Some(base.saturating_add((base / 8).saturating_mul(byte & 7)))
        };
        let dictionary = [0, 1, 2, 4].get(usize::try_from(descriptor & 3).unwrap_or(0));
        self.number(*dictionary.unwrap_or(&0))?;
        let content = match descriptor >> 6 {
            0 if !is_one_segment => None,
            0 => Some(self.number(1)?),
            1 => Some(self.number(2)?.saturating_add(256)),
            2 => Some(self.number(4)?),
            _ => Some(self.number(8)?),
        };
        let largest = u64::try_from(LARGEST).unwrap_or(u64::MAX);
        let window = window.or(content).unwrap_or(u64::MAX);
        if content.is_some_and(|content| content > largest) || window > 1 << WINDOW_LOG {
            return Ok(None);
        }
        let block =
            usize::try_from(window).map_or(LARGEST_BLOCK, |window| window.min(LARGEST_BLOCK));
        Ok(Some((block, descriptor & 4 != 0)))
    }

    /// A number of so many bytes, at most 8, the lowest first.
    fn number(&mut self, bytes: usize) -> io::Result<u64> {
        let at = self.bytes.len();
        self.packed.pull(self.bytes, bytes)?;
        let mut number = [0; 8];
        for (to, byte) in number
            .iter_mut()
            .zip(self.bytes.get(at..).unwrap_or_default())
        {
            *to = *byte;
        }
        Ok(u64::from_le_bytes(number))
    }
}

fn no_frame() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "something else follows behind its end",
    )
}
