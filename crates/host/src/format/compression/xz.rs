//! xz: several blocks at once, where the file has several and says how large they are.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::num::NonZero;
use std::thread;

use liblzma::bufread::XzDecoder;
use liblzma::stream::MtStreamBuilder;

use super::members::Piece;
use super::packed::Packed;
use super::pool::Unit;

/// The most memory that a decoder may take in bytes; `xz -9` asks for 65 MiB.
const MEMORY: u64 = 128 << 20;

/// The most that all of them together may take, in bytes: beyond, fewer blocks are unpacked
/// at once.
const MEMORY_OF_ALL: u64 = 256 << 20;

/// Decoders at work at once; more want more memory than they bring speed.
const THREADS: usize = 8;

/// There is nothing of it.
pub(super) enum Never {}

impl Unit for Never {
    fn weight(&self) -> usize {
        match *self {}
    }

    fn unpack(self, _: &mut Vec<u8>) -> io::Result<()> {
        match self {}
    }
}

impl Piece for XzDecoder<Packed> {
    type Unit = Never;

    fn begins_with(byte: u8) -> bool {
        byte == 0xfd
    }

    fn pass_padding(packed: &mut Packed) -> io::Result<()> {
        packed.skip_zeroes()
    }

    /// The decoder has threads of its own.
    fn split(_: &mut Packed) -> io::Result<Option<Never>> {
        Ok(None)
    }

    fn begin(packed: Packed) -> io::Result<Self> {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let stream = MtStreamBuilder::new()
            .threads(u32::try_from(threads.min(THREADS)).unwrap_or(1))
            .memlimit_threading(MEMORY_OF_ALL)
            .memlimit_stop(MEMORY)
            .decoder()
            .map_err(io::Error::other)?;
        Ok(XzDecoder::new_stream(packed, stream))
    }

    fn rest(self) -> Packed {
        self.into_inner()
    }
}
