//! One connection to a server, with one request at a time.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::fd::OwnedFd;
use std::time::Duration;

use super::NbdError;
use super::extents::Extent;
use super::handshake::{self, Export};
use super::protocol::{
    CMD_BLOCK_STATUS, CMD_DISC, CMD_FLAG_DF, CMD_FLAG_FAST_ZERO, CMD_FLUSH, CMD_READ, CMD_WRITE,
    CMD_WRITE_ZEROES, REQUEST_MAGIC,
};
use super::reply::{self, Wanted};
use super::wire::Wire;

/// The longest range that is zeroed, or asked about, at a time, in bytes; the protocol allows
/// nearly 4 GiB.
const LONGEST_RANGE: u64 = 1 << 30;

/// The number by which a server says that something is not to be had (NBD_ENOTSUP).
const ENOTSUP: i32 = 95;

/// A connection. After an error that is no answer of the server's it is of no use any more.
#[derive(Debug)]
pub struct Connection {
    wire: Wire,
    export: Export,
    cookie: u64,
    broken: bool,
}

impl Connection {
    /// Agrees with the server at the other end of `socket` on its export `name`. Each exchange
    /// may take as long as `patience`.
    ///
    /// # Errors
    /// When the server has no such export, does not answer, or not in order.
    pub fn open(socket: OwnedFd, name: &str, patience: Duration) -> Result<Self, NbdError> {
        let mut wire = Wire::new(socket, patience);
        let export = handshake::negotiate(&mut wire, name)?;
        Ok(Connection {
            wire,
            export,
            cookie: 0,
            broken: false,
        })
    }

    /// What is known of the export.
    #[must_use]
    pub fn export(&self) -> &Export {
        &self.export
    }

    /// Fills `buffer` with the bytes at `offset`.
    ///
    /// # Errors
    /// When the server cannot read, does not answer, or not in order.
    pub fn read(&mut self, mut buffer: &mut [u8], mut offset: u64) -> Result<(), NbdError> {
        let flags = if self.export.structured && self.export.whole_reads {
            CMD_FLAG_DF
        } else {
            0
        };
        while !buffer.is_empty() {
            let length = self.longest(buffer.len());
            let (piece, rest) = buffer.split_at_mut_checked(length).unwrap_or_default();
            let asked = u32_from(length);
            let wanted = Wanted::Data(piece, offset);
            self.exchange(CMD_READ, flags, offset, asked, &[], wanted)?;
            offset = offset.saturating_add(u64::from(asked));
            buffer = rest;
        }
        Ok(())
    }

    /// Writes all of `buffer` at `offset`.
    ///
    /// # Errors
    /// When the server cannot write, does not answer, or not in order.
    pub fn write(&mut self, mut buffer: &[u8], mut offset: u64) -> Result<(), NbdError> {
        while !buffer.is_empty() {
            let length = self.longest(buffer.len());
            let (piece, rest) = buffer.split_at_checked(length).unwrap_or_default();
            let sent = u32_from(length);
            self.exchange(CMD_WRITE, 0, offset, sent, piece, Wanted::Nothing)?;
            offset = offset.saturating_add(u64::from(sent));
            buffer = rest;
        }
        Ok(())
    }

    /// Makes a range read as zeroes. False when the server has no command for it.
    ///
    /// # Errors
    /// When the server cannot, does not answer, or not in order.
    pub fn write_zeroes(&mut self, mut offset: u64, mut length: u64) -> Result<bool, NbdError> {
        if !self.export.zeroes {
            return Ok(false);
        }
        while length > 0 {
            let piece = length.min(LONGEST_RANGE);
            let asked = u32::try_from(piece).unwrap_or(u32::MAX);
            self.exchange(CMD_WRITE_ZEROES, 0, offset, asked, &[], Wanted::Nothing)?;
            offset = offset.saturating_add(piece);
            length = length.saturating_sub(piece);
        }
        Ok(true)
    }

    /// Makes a range of at most 1 GiB read as zeroes, if that is faster than writing them; says
    /// whether it is, and leaves the range alone otherwise.
    ///
    /// # Errors
    /// When the server cannot, does not answer, or not in order.
    pub fn zero_fast(&mut self, offset: u64, length: u64) -> Result<bool, NbdError> {
        if !self.export.zeroes || !self.export.fast_zeroes {
            return Ok(false);
        }
        let asked = u32::try_from(length.min(LONGEST_RANGE)).unwrap_or(u32::MAX);
        let flags = CMD_FLAG_FAST_ZERO;
        let done = self.exchange(CMD_WRITE_ZEROES, flags, offset, asked, &[], Wanted::Nothing);
        match done {
            Ok(()) => Ok(true),
            Err(NbdError::Failed(error)) if error.raw_os_error() == Some(ENOTSUP) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Brings what was written to stable storage, as far as the server can.
    ///
    /// # Errors
    /// When a write has failed there, or the server does not answer, or not in order.
    pub fn flush(&mut self) -> Result<(), NbdError> {
        if !self.export.flushes {
            return Ok(());
        }
        self.exchange(CMD_FLUSH, 0, 0, 0, &[], Wanted::Nothing)
    }

    /// Which ranges from `offset` on, of some of the next `length` bytes at least, are data;
    /// nothing where the server cannot tell.
    ///
    /// # Errors
    /// When the server does not answer, or not in order.
    pub fn block_status(&mut self, offset: u64, length: u64) -> Result<Vec<Extent>, NbdError> {
        let mut extents = Vec::new();
        let length = length.min(LONGEST_RANGE);
        if let Some(number) = self.export.allocation {
            let asked = u32::try_from(length).unwrap_or(u32::MAX);
            let wanted = Wanted::Extents(number, length, &mut extents);
            match self.exchange(CMD_BLOCK_STATUS, 0, offset, asked, &[], wanted) {
                // Not to know is no failure.
                Err(error) if error.is_answer() => extents.clear(),
                done => done?,
            }
        }
        Ok(extents)
    }

    fn longest(&self, length: usize) -> usize {
        let longest = usize::try_from(self.export.longest).unwrap_or(usize::MAX);
        length.min(longest)
    }

    fn exchange(
        &mut self,
        command: u16,
        flags: u16,
        offset: u64,
        length: u32,
        body: &[u8],
        mut wanted: Wanted<'_>,
    ) -> Result<(), NbdError> {
        if self.broken {
            return Err(NbdError::Broken);
        }
        self.cookie = self.cookie.wrapping_add(1);
        self.wire.begin();
        let head = request(command, flags, self.cookie, offset, length);
        let structured = self.export.structured;
        let done = self
            .wire
            .send(&head, body)
            .and_then(|()| reply::take(&mut self.wire, self.cookie, structured, &mut wanted));
        self.broken = done.as_ref().is_err_and(|error| !error.is_answer());
        done
    }
}

/// Says good-bye, which a server may want to hear before it lets go of the disk.
impl Drop for Connection {
    fn drop(&mut self) {
        if !self.broken {
            self.wire.begin();
            let _ = self.wire.send(&request(CMD_DISC, 0, 0, 0, 0), &[]);
        }
    }
}

fn request(command: u16, flags: u16, cookie: u64, offset: u64, length: u32) -> Vec<u8> {
    let mut head = REQUEST_MAGIC.to_be_bytes().to_vec();
    head.extend(flags.to_be_bytes());
    head.extend(command.to_be_bytes());
    head.extend(cookie.to_be_bytes());
    head.extend(offset.to_be_bytes());
    head.extend(length.to_be_bytes());
    head
}

/// A length that the export's limits have kept small.
fn u32_from(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
