//! The image's descriptor, as the copy's process reads it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::report::InputKind;
use crate::format::{Bytes, ImageError};
use crate::source::Source;

/// Whether all of a stream has been read.
#[derive(Debug, Clone, Default)]
pub(super) struct Ended(Arc<AtomicBool>);

impl Ended {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The image's bytes. `ended` is told when a stream of them is over.
pub(super) fn open(
    kind: InputKind,
    image: File,
    name: &str,
    ended: &Ended,
) -> Result<Bytes, ImageError> {
    Ok(match kind {
        InputKind::File => Bytes::File(Source::from_file(image, Path::new(name))?),
        InputKind::Stream { length } => Bytes::Stream {
            bytes: Box::new(Watched {
                stream: image,
                ended: ended.clone(),
            }),
            length,
        },
    })
}

/// A stream whose end is noted.
struct Watched {
    stream: File,
    ended: Ended,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        if count == 0 && !buffer.is_empty() {
            self.ended.0.store(true, Ordering::Relaxed);
        }
        Ok(count)
    }
}
