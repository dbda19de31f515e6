//! Bytes over the socket, each exchange within a limit of time.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::IoSlice;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, sendmsg};

use super::NbdError;

/// A connected socket. Whether it blocks makes no difference.
#[derive(Debug)]
pub(super) struct Wire {
    socket: OwnedFd,
    patience: Duration,
    deadline: Instant,
}

impl Wire {
    /// Each exchange may take as long as `patience`.
    pub(super) fn new(socket: OwnedFd, patience: Duration) -> Self {
        Wire {
            socket,
            patience,
            deadline: Instant::now() + patience,
        }
    }

    /// Begins an exchange: from now on the time runs.
    pub(super) fn begin(&mut self) {
        self.deadline = Instant::now() + self.patience;
    }

    /// Sends a head and what belongs to it.
    pub(super) fn send(&mut self, mut head: &[u8], mut body: &[u8]) -> Result<(), NbdError> {
        while !(head.is_empty() && body.is_empty()) {
            let parts = [IoSlice::new(head), IoSlice::new(body)];
            let mut nothing = SendAncillaryBuffer::default();
            let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            match sendmsg(&self.socket, &parts, &mut nothing, flags) {
                Ok(sent) => {
                    let of_body = sent.saturating_sub(head.len());
                    head = head.get(sent..).unwrap_or_default();
                    body = body.get(of_body..).unwrap_or_default();
                }
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT)?,
                Err(Errno::INTR) => {}
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(NbdError::Closed),
                Err(error) => return Err(NbdError::Socket(error.into())),
            }
        }
        Ok(())
    }

    /// Fills `buffer`.
    pub(super) fn receive(&mut self, mut buffer: &mut [u8]) -> Result<(), NbdError> {
        while !buffer.is_empty() {
            match recv(&self.socket, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) | Err(Errno::CONNRESET) => return Err(NbdError::Closed),
                Ok((count, _)) => buffer = buffer.get_mut(count..).unwrap_or_default(),
                Err(Errno::AGAIN) => self.wait(PollFlags::IN)?,
                Err(Errno::INTR) => {}
                Err(error) => return Err(NbdError::Socket(error.into())),
            }
        }
        Ok(())
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], NbdError> {
        let mut bytes = [0; N];
        self.receive(&mut bytes)?;
        Ok(bytes)
    }

    /// The next bytes, which are `length`, of which there may be no more than `most`.
    pub(super) fn bytes(&mut self, length: u32, most: u32) -> Result<Vec<u8>, NbdError> {
        if length > most {
            return Err(NbdError::Protocol("an answer is too long"));
        }
        let length = usize::try_from(length).map_err(|_| NbdError::Protocol("a length"))?;
        let mut bytes = vec![0; length];
        self.receive(&mut bytes)?;
        Ok(bytes)
    }

    fn wait(&self, what: PollFlags) -> Result<(), NbdError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| NbdError::Silent(self.patience))?;
        let mut watched = [PollFd::new(&self.socket, what)];
        match poll(&mut watched, Some(&left)) {
            Ok(0) => Err(NbdError::Silent(self.patience)),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(NbdError::Socket(error.into())),
        }
    }
}

/// Numbers in network order, from the front of some bytes.
#[derive(Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    fn next<const N: usize>(&mut self) -> Result<[u8; N], NbdError> {
        let too_short = NbdError::Protocol("an answer is too short");
        let (first, rest) = self.0.split_first_chunk().ok_or(too_short)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn u16(&mut self) -> Result<u16, NbdError> {
        self.next().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, NbdError> {
        self.next().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, NbdError> {
        self.next().map(u64::from_be_bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
