//! Reads what another process says, no longer and no more than is to be expected.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::cancel::Cancel;

/// Why not all of it was read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The pipe broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is more.
    #[error("it is larger than {0} bytes, the most that is taken here")]
    TooLarge(usize),
    /// It took too long.
    #[error("it did not come in time")]
    Late,
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// What comes down a pipe until it is closed: at most `limit` bytes, and, where there is
/// a `patience`, within that time.
pub(super) fn read_all(
    mut pipe: &File,
    limit: usize,
    patience: Option<Duration>,
    cancel: &Cancel,
) -> Result<Vec<u8>, ReadError> {
    let deadline = patience.map(|patience| Instant::now() + patience);
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        await_more(pipe, deadline, cancel)?;
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(count) => bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
        if bytes.len() > limit {
            return Err(ReadError::TooLarge(limit));
        }
    }
}

fn await_more(pipe: &File, deadline: Option<Instant>, cancel: &Cancel) -> Result<(), ReadError> {
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let mut watched = [
            PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(cancel.as_fd(), PollFlags::IN),
        ];
        match poll(&mut watched, left.as_ref()) {
            Err(Errno::INTR) => {}
            Err(errno) => return Err(io::Error::from(errno).into()),
            Ok(_) if cancel.is_cancelled() => return Err(ReadError::Cancelled),
            Ok(0) => return Err(ReadError::Late),
            Ok(_) => return Ok(()),
        }
    }
}
