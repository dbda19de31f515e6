//! Compressed images, told by their first bytes and unpacked as they come.
// SPDX-License-Identifier: BSD-2-Clause

mod detect;
mod gzip;
mod lz4;
mod members;
mod packed;
mod pool;
mod sequential;
#[cfg(test)]
mod tests;
mod xz;
mod zstd;

pub use detect::Compression;

use std::io::{self, Cursor, Read};

use super::{Bytes, ImageError};
use detect::HEAD;
use members::Members;
use packed::Packed;
use sequential::Sequential;

/// What is in `bytes`, whatever their compression; they themselves where there is none.
///
/// # Errors
/// When they cannot be read.
pub fn unpack(bytes: Bytes) -> Result<Bytes, ImageError> {
    let mut head = [0; HEAD];
    let (compression, packed): (_, Box<dyn Read + Send>) = match bytes {
        Bytes::File(source) => {
            let length = usize::try_from(source.length()).unwrap_or(HEAD).min(HEAD);
            source.read_at(head.get_mut(..length).unwrap_or_default(), 0)?;
            let Some(compression) = Compression::of(&head) else {
                return Ok(Bytes::File(source));
            };
            (compression, Box::new(Sequential::new(source)))
        }
        Bytes::Stream { mut bytes, length } => {
            let mut first = Vec::with_capacity(HEAD);
            let most = u64::try_from(HEAD).unwrap_or(0);
            (bytes.by_ref().take(most).read_to_end(&mut first)).map_err(ImageError::Stream)?;
            let found = Compression::of(&first);
            let bytes = Box::new(Cursor::new(first).chain(bytes));
            let Some(compression) = found else {
                return Ok(Bytes::Stream { bytes, length });
            };
            (compression, bytes)
        }
    };
    Ok(Bytes::Stream {
        bytes: Box::new(Unpacked {
            compression,
            decoder: decoder(compression, Packed::new(packed)),
        }),
        length: None,
    })
}

fn decoder(compression: Compression, packed: Packed) -> Box<dyn Read + Send> {
    match compression {
        Compression::Gzip => Box::new(Members::<flate2::bufread::GzDecoder<_>>::new(packed)),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
        Compression::Xz => Box::new(Members::<liblzma::bufread::XzDecoder<_>>::new(packed)),
        Compression::Zstd => Box::new(Members::<zstd::Frame>::new(packed)),
        Compression::Lz4 => Box::new(lz4::Frames::new(packed)),
    }
}

/// A decoder whose failures say what it was at.
struct Unpacked {
    compression: Compression,
    decoder: Box<dyn Read + Send>,
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.decoder
            .read(buffer)
            .map_err(|error| match error.kind() {
                io::ErrorKind::Interrupted => error,
                io::ErrorKind::UnexpectedEof => {
                    let name = self.compression.name();
                    io::Error::other(format!("the {name} data ends too early: it is truncated"))
                }
                _ => {
                    let name = self.compression.name();
                    io::Error::other(format!("unpacking the {name} data: {error}"))
                }
            })
    }
}
