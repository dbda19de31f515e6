//! A dump that comes by and by, whose second boot sector becomes another on the way.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Cursor, Read};

use super::{Moved, SECTOR};

/// The bytes of a dump.
pub(super) struct Second<R> {
    bytes: R,
    /// How many come before the sector.
    before: u64,
    /// The sector, until it is met.
    boot: Option<Moved>,
    /// What was read of the sector and is still to be handed on.
    met: Cursor<Vec<u8>>,
}

impl<R: Read> Second<R> {
    /// The sector stands at `at` and changes, if it is what it is thought to be.
    pub(super) fn new(bytes: R, at: u64, boot: Moved) -> Self {
        Second {
            bytes,
            before: at,
            boot: Some(boot),
            met: Cursor::default(),
        }
    }
}

impl<R: Read> Read for Second<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.before > 0 {
            let most = usize::try_from(self.before).unwrap_or(usize::MAX);
            let most = most.min(buffer.len());
            let read = self
                .bytes
                .read(buffer.get_mut(..most).unwrap_or_default())?;
            let count = u64::try_from(read).unwrap_or(u64::MAX);
            self.before = self.before.saturating_sub(count);
            return Ok(read);
        }
        if let Some(boot) = self.boot.take() {
            let mut sector = Vec::new();
            self.bytes.by_ref().take(SECTOR).read_to_end(&mut sector)?;
            if sector == boot.old {
                sector = boot.new.into();
            }
            self.met = Cursor::new(sector);
        }
        match self.met.read(buffer)? {
            0 => self.bytes.read(buffer),
            read => Ok(read),
        }
    }
}
