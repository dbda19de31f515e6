//! Compressed images, told by their first bytes and unpacked as they come.
// SPDX-License-Identifier: BSD-2-Clause

mod detect;
mod gzip;
mod lz4;
mod members;
mod sequential;
mod xz;

pub use detect::Compression;

use std::io::{self, BufReader, Cursor, Read};

use super::{Bytes, ImageError};
use detect::HEAD;
use members::Members;
use sequential::Sequential;

/// Bytes read ahead of a decoder.
const AHEAD: usize = 256 << 10;

/// The largest window that zstd data may ask for, as a power of two in bytes: the most that
/// zstd(1) takes unless told otherwise.
const ZSTD_WINDOW_LOG: u32 = 27;

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
    let decoder = decoder(compression, packed).map_err(ImageError::Stream)?;
    Ok(Bytes::Stream {
        bytes: Box::new(Unpacked {
            compression,
            decoder,
        }),
        length: None,
    })
}

fn decoder(
    compression: Compression,
    packed: Box<dyn Read + Send>,
) -> io::Result<Box<dyn Read + Send>> {
    let packed = BufReader::with_capacity(AHEAD, packed);
    Ok(match compression {
        Compression::Gzip => Box::new(Members::<flate2::bufread::GzDecoder<_>>::begin(packed)?),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
        Compression::Xz => Box::new(Members::<liblzma::bufread::XzDecoder<_>>::begin(packed)?),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Compression::Lz4 => Box::new(lz4::Frames::new(packed)),
    })
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
