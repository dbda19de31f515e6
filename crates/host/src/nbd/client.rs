//! Several connections to one export, so that several threads have requests under way.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::fd::OwnedFd;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::NbdError;
use super::connection::Connection;
use super::extents::Extent;
use super::handshake::Export;

/// An export, open over at least one connection. Requests of more threads than there are
/// connections wait for one another.
#[derive(Debug)]
pub struct Client {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
    export: Export,
}

impl Client {
    /// Agrees with the server on its export `name` over each of the sockets. Each exchange may
    /// take as long as `patience`.
    ///
    /// # Errors
    /// See [`Connection::open`]. Connections that do not say the same of the export, and no
    /// sockets at all, are an error too.
    pub fn open(sockets: Vec<OwnedFd>, name: &str, patience: Duration) -> Result<Self, NbdError> {
        let mut idle: Vec<Connection> = Vec::new();
        for socket in sockets {
            let connection = Connection::open(socket, name, patience)?;
            let first = idle.first().unwrap_or(&connection);
            if first.export() != connection.export() {
                return Err(NbdError::Protocol("it says different things of one export"));
            }
            // Flushing through one would not be enough.
            if idle.is_empty() || connection.export().multiple {
                idle.push(connection);
            }
        }
        let export = *idle.first().ok_or(NbdError::Closed)?.export();
        Ok(Client {
            idle: Mutex::new(idle),
            returned: Condvar::new(),
            export,
        })
    }

    /// What is known of the export.
    #[must_use]
    pub fn export(&self) -> &Export {
        &self.export
    }

    /// See [`Connection::read`].
    ///
    /// # Errors
    /// Likewise.
    pub fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), NbdError> {
        self.with(|connection| connection.read(buffer, offset))
    }

    /// See [`Connection::write`].
    ///
    /// # Errors
    /// Likewise.
    pub fn write(&self, buffer: &[u8], offset: u64) -> Result<(), NbdError> {
        self.with(|connection| connection.write(buffer, offset))
    }

    /// See [`Connection::write_zeroes`].
    ///
    /// # Errors
    /// Likewise.
    pub fn write_zeroes(&self, offset: u64, length: u64) -> Result<bool, NbdError> {
        self.with(|connection| connection.write_zeroes(offset, length))
    }

    /// See [`Connection::zero_fast`].
    ///
    /// # Errors
    /// Likewise.
    pub fn zero_fast(&self, offset: u64, length: u64) -> Result<bool, NbdError> {
        self.with(|connection| connection.zero_fast(offset, length))
    }

    /// See [`Connection::flush`]. It counts for all connections; to be called when no write
    /// is under way.
    ///
    /// # Errors
    /// Likewise.
    pub fn flush(&self) -> Result<(), NbdError> {
        self.with(Connection::flush)
    }

    /// See [`Connection::block_status`].
    ///
    /// # Errors
    /// Likewise.
    pub fn block_status(&self, offset: u64, length: u64) -> Result<Vec<Extent>, NbdError> {
        self.with(|connection| connection.block_status(offset, length))
    }

    /// Waits for a connection; every request ends in time, and gives its own back.
    fn with<T>(
        &self,
        request: impl FnOnce(&mut Connection) -> Result<T, NbdError>,
    ) -> Result<T, NbdError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = loop {
            match idle.pop() {
                Some(connection) => break connection,
                None => {
                    let waited = self.returned.wait(idle);
                    idle = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
        };
        drop(idle);
        let done = request(&mut connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(connection);
        self.returned.notify_one();
        done
    }
}
