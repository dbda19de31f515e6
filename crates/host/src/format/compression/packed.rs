//! Compressed bytes in their order, some of which can be taken back.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, BufRead, BufReader, Cursor, Read};

/// Bytes read ahead of a decoder.
const AHEAD: usize = 256 << 10;

/// What decoders take from.
pub(super) struct Packed {
    /// What comes first.
    before: Cursor<Vec<u8>>,
    reader: BufReader<Box<dyn Read + Send>>,
}

impl Packed {
    pub(super) fn new(reader: Box<dyn Read + Send>) -> Self {
        Packed {
            before: Cursor::default(),
            reader: BufReader::with_capacity(AHEAD, reader),
        }
    }

    /// Puts bytes that were read back in front of the others.
    pub(super) fn put_back(&mut self, mut bytes: Vec<u8>) {
        let at = usize::try_from(self.before.position()).unwrap_or(usize::MAX);
        bytes.extend_from_slice(self.before.get_ref().get(at..).unwrap_or_default());
        self.before = Cursor::new(bytes);
    }

    /// Reads `count` bytes more behind those in `bytes`.
    ///
    /// # Errors
    /// `UnexpectedEof` when there are fewer.
    pub(super) fn pull(&mut self, bytes: &mut Vec<u8>, count: usize) -> io::Result<()> {
        let limit = u64::try_from(count).unwrap_or(u64::MAX);
        if self.take(limit).read_to_end(bytes)? < count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Passes over `count` bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` when there are fewer.
    pub(super) fn skip(&mut self, count: u64) -> io::Result<()> {
        if io::copy(&mut self.take(count), &mut io::sink())? < count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Passes over zeroes.
    ///
    /// # Errors
    /// When what comes cannot be read.
    pub(super) fn skip_zeroes(&mut self) -> io::Result<()> {
        loop {
            let ahead = self.fill_buf()?;
            let zeroes = ahead.iter().take_while(|byte| **byte == 0).count();
            if zeroes == 0 {
                return Ok(());
            }
            self.consume(zeroes);
        }
    }
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.before.read(buffer)? {
            0 => self.reader.read(buffer),
            count => Ok(count),
        }
    }
}

impl BufRead for Packed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.before.fill_buf()?.is_empty() {
            self.reader.fill_buf()
        } else {
            self.before.fill_buf()
        }
    }

    fn consume(&mut self, count: usize) {
        if self.before.fill_buf().is_ok_and(<[u8]>::is_empty) {
            self.reader.consume(count);
        } else {
            self.before.consume(count);
        }
    }
}
