//! The image's descriptor, as the copy's process reads it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::error::CopyError;
use super::report::InputKind;
use crate::format::{Bytes, ImageError};
use crate::source::Source;

/// The image, before anything is made of its bytes.
pub(super) enum Incoming {
    /// All of it is there.
    File(Source),
    /// It comes by and by.
    Stream(Watched, Option<u64>),
}

impl Incoming {
    pub(super) fn open(
        kind: InputKind,
        image: File,
        name: &str,
        ended: &Ended,
    ) -> Result<Self, ImageError> {
        Ok(match kind {
            InputKind::File => Incoming::File(Source::from_file(image, Path::new(name))?),
            InputKind::Stream { length, patience } => {
                let stream = Watched {
                    stream: Arc::new(image),
                    ended: ended.clone(),
                    came: Arc::default(),
                    name: name.into(),
                    patience: patience.map(Duration::from_secs),
                };
                Incoming::Stream(stream, length)
            }
        })
    }

    /// What is left of it when somebody has read from it.
    pub(super) fn rest(&self) -> Rest {
        Rest(match self {
            Incoming::File(_) => None,
            Incoming::Stream(stream, length) => Some((stream.clone(), *length)),
        })
    }

    pub(super) fn bytes(self) -> Bytes {
        match self {
            Incoming::File(source) => Bytes::File(source),
            Incoming::Stream(stream, length) => Bytes::Stream {
                bytes: Box::new(stream),
                length,
            },
        }
    }
}

/// The rest of a stream, and how long it should have been in all.
pub(super) struct Rest(Option<(Watched, Option<u64>)>);

impl Rest {
    /// Reads what unpacking had no need for: who sends it wants to be rid of all of it. A file has no
    /// such rest.
    pub(super) fn read(self) -> Result<(), CopyError> {
        let Some((mut stream, length)) = self.0 else {
            return Ok(());
        };
        io::copy(&mut stream, &mut io::sink()).map_err(ImageError::Stream)?;
        let came = stream.came();
        match length.filter(|expected| *expected != came) {
            Some(expected) => Err(CopyError::Length { came, expected }),
            None => Ok(()),
        }
    }
}

/// Whether all of a stream has been read.
#[derive(Debug, Clone, Default)]
pub(super) struct Ended(Arc<AtomicBool>);

impl Ended {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream whose end is noted. All clones read one after the other from the same stream.
#[derive(Clone)]
pub(super) struct Watched {
    stream: Arc<File>,
    ended: Ended,
    came: Arc<AtomicU64>,
    /// What messages call it.
    name: Arc<str>,
    /// How long it may be waited for a byte.
    patience: Option<Duration>,
}

impl Watched {
    /// How many bytes were read.
    fn came(&self) -> u64 {
        self.came.load(Ordering::Relaxed)
    }

    fn await_more(&self) -> io::Result<()> {
        let Some(patience) = self.patience else {
            return Ok(());
        };
        let limit = Timespec::try_from(patience).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut watched = [PollFd::new(&*self.stream, PollFlags::IN)];
        // Interrupted, it waits anew: nothing here has a handler that could do it time and again.
        if rustix::io::retry_on_intr(|| poll(&mut watched, Some(&limit)))? > 0 {
            return Ok(());
        }
        let seconds = patience.as_secs();
        let (name, came) = (&self.name, self.came());
        let words = format!("{name} sent nothing for {seconds} s after byte {came}");
        Err(io::Error::other(words))
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.await_more()?;
        let count = (&*self.stream).read(buffer)?;
        let came = u64::try_from(count).unwrap_or(u64::MAX);
        self.came.fetch_add(came, Ordering::Relaxed);
        if count == 0 && !buffer.is_empty() {
            self.ended.0.store(true, Ordering::Relaxed);
        }
        Ok(count)
    }
}
