//! Takes the digest of an image's bytes while they are copied.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::thread::{self, JoinHandle};

use super::error::CopyError;
use super::incoming::{Incoming, Watched};
use crate::format::ImageError;
use crate::source::{Source, SourceError};
use crate::verification::{Algorithm, Digest, Hasher};

/// Bytes of a file that are read at a time.
const PIECE: usize = 1 << 20;

/// A digest in the making, or none.
pub(super) enum Digesting {
    /// A thread reads the file from its beginning to its end: the copy does so in no order,
    /// and leaves out what it does not need.
    File(JoinHandle<Result<Digest, SourceError>>),
    /// The copy reads the stream.
    /// Its length is told where it was announced.
    Stream(Watched, Option<u64>),
    /// Nobody asked for one.
    None,
}

impl Digesting {
    pub(super) fn start(
        algorithm: Option<Algorithm>,
        incoming: &Incoming,
    ) -> Result<Self, CopyError> {
        Ok(match (incoming, algorithm.map(Hasher::new)) {
            (Incoming::Stream(stream, length), hasher) => {
                if let Some(hasher) = hasher {
                    stream.hash(hasher);
                }
                Digesting::Stream(stream.clone(), *length)
            }
            (Incoming::File(_), None) => Digesting::None,
            (Incoming::File(source), Some(hasher)) => {
                let failed = |error| CopyError::Thread { error };
                let source = source.try_clone().map_err(failed)?;
                let thread = thread::Builder::new().name("digest".into());
                let thread = thread.spawn(move || of_file(&source, hasher));
                Digesting::File(thread.map_err(failed)?)
            }
        })
    }

    /// The digest. To be called after the copy; what it has not read of a stream is read now, and
    /// held against the length that was announced.
    pub(super) fn finish(self) -> Result<Option<Digest>, CopyError> {
        match self {
            Digesting::File(thread) => {
                let digest = thread.join().map_err(|_| CopyError::Stopped)?;
                Ok(Some(digest.map_err(ImageError::from)?))
            }
            Digesting::Stream(mut stream, length) => {
                io::copy(&mut stream, &mut io::sink()).map_err(ImageError::Stream)?;
                let came = stream.came();
                if let Some(expected) = length.filter(|expected| *expected != came) {
                    return Err(CopyError::Length { came, expected });
                }
                Ok(stream.digest())
            }
            Digesting::None => Ok(None),
        }
    }
}

fn of_file(source: &Source, mut hasher: Hasher) -> Result<Digest, SourceError> {
    let mut buffer = vec![0; PIECE];
    let mut at = 0;
    while at < source.length() {
        let left = usize::try_from(source.length() - at).unwrap_or(PIECE);
        let piece = buffer.get_mut(..left.min(PIECE)).unwrap_or_default();
        source.read_at(piece, at)?;
        hasher.update(piece);
        at = at.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
    }
    source.check_unchanged()?;
    Ok(hasher.finish())
}
