//! The image's descriptor, as the copy's process reads it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
            InputKind::Stream { length } => {
                let stream = Watched {
                    stream: Arc::new(image),
                    ended: ended.clone(),
                    hasher: Arc::default(),
                };
                Incoming::Stream(stream, length)
            }
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
}

impl Watched {
    /// Has all bytes that are read from here on go through `hasher` too.
    pub(super) fn hash(&self, hasher: Hasher) {
        *self.hasher.lock().unwrap_or_else(PoisonError::into_inner) = Some(hasher);
    }

    /// The digest, where one was taken, of all that was read.
    pub(super) fn digest(&self) -> Option<Digest> {
        let mut hasher = self.hasher.lock().unwrap_or_else(PoisonError::into_inner);
        hasher.take().map(Hasher::finish)
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&*self.stream).read(buffer)?;
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
