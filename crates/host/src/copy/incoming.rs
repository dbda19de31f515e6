//! The image's descriptor, as the copy's process reads it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::report::InputKind;
use crate::format::{Bytes, ImageError};
use crate::source::Source;
use crate::verification::{Digest, Hasher};

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
                    hasher: Arc::default(),
                    came: Arc::default(),
                    name: name.into(),
                    patience: patience.map(Duration::from_secs),
                };
                Incoming::Stream(stream, length)
            }
        })
    }

    /// The same once more, where it is a file.
    pub(super) fn file(&self) -> io::Result<Option<Self>> {
        match self {
            Incoming::File(source) => Ok(Some(Incoming::File(source.try_clone()?))),
            Incoming::Stream(..) => Ok(None),
        }
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

/// Whether all of a stream has been read.
#[derive(Debug, Clone, Default)]
pub(super) struct Ended(Arc<AtomicBool>);

impl Ended {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream whose end is noted, and whose digest is taken if that is asked for. All clones
/// read one after the other from the same stream.
#[derive(Clone)]
pub(super) struct Watched {
    stream: Arc<File>,
    ended: Ended,
    hasher: Arc<Mutex<Option<Hasher>>>,
    came: Arc<AtomicU64>,
    /// What messages call it.
    name: Arc<str>,
    /// How long it may be waited for a byte.
    patience: Option<Duration>,
}

impl Watched {
    /// Has all bytes that are read from here on go through `hasher` too.
    pub(super) fn hash(&self, hasher: Hasher) {
        *self.hasher.lock().unwrap_or_else(PoisonError::into_inner) = Some(hasher);
    }

    /// How many bytes were read.
    pub(super) fn came(&self) -> u64 {
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

    /// The digest, where one was taken, of all that was read.
    pub(super) fn digest(&self) -> Option<Digest> {
        let mut hasher = self.hasher.lock().unwrap_or_else(PoisonError::into_inner);
        hasher.take().map(Hasher::finish)
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
        let mut hasher = self.hasher.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hasher) = &mut *hasher {
            hasher.update(buffer.get(..count).unwrap_or_default());
        }
        Ok(count)
    }
}
