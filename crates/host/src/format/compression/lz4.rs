//! lz4: one frame after the other (lz4_Frame_format.md of the lz4 project).
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, BufRead, Read};

use lz4_flex::frame::FrameDecoder;

/// All frames of an lz4 file.
pub(super) struct Frames<R: BufRead> {
    decoder: FrameDecoder<Strict<R>>,
    ended: bool,
}

impl<R: BufRead> Frames<R> {
    pub(super) fn new(packed: R) -> Self {
        Frames {
            decoder: FrameDecoder::new(Strict(packed)),
            ended: false,
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !buffer.is_empty() {
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            // That was the end of a frame.
            self.ended = self.decoder.get_mut().0.fill_buf()?.is_empty();
        }
        Ok(0)
    }
}

/// The input within a frame. The decoder would take its end between two blocks for the end of
/// the frame, so that end is an error here.
struct Strict<R>(R);

impl<R: Read> Read for Strict<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) if !buffer.is_empty() => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it ends too early: it is truncated",
            )),
            other => other,
        }
    }
}
