//! Unpacks kernels and modules, whichever way they were compressed.
// SPDX-License-Identifier: BSD-2-Clause

use std::borrow::Cow;
use std::io::{self, Read};

/// How a piece of data begins, hence how it was compressed.
const ELF: &[u8] = b"\x7fELF";
const GZIP: &[u8] = &[0x1f, 0x8b, 0x08];
const XZ: &[u8] = b"\xfd7zXZ\0";
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const LZ4_LEGACY: &[u8] = &[0x02, 0x21, 0x4c, 0x18];

/// What one block of lz4's legacy frame holds at most, in bytes (lz4 frame format, appendix).
const LZ4_LEGACY_BLOCK: usize = 8 * 1024 * 1024;

/// Gives the content of `bytes`, at most `limit` bytes of it. An ELF file is given back as
/// it is. What follows the compressed data is ignored, since Linux puts a size there.
///
/// # Errors
/// When the compression is unknown, the data is broken or the content exceeds the limit.
pub(super) fn decompress(bytes: &[u8], limit: usize) -> io::Result<Cow<'_, [u8]>> {
    if bytes.starts_with(ELF) {
        return Ok(Cow::Borrowed(bytes));
    }
    let content = if bytes.starts_with(GZIP) {
        read(flate2::bufread::GzDecoder::new(bytes), limit)
    } else if bytes.starts_with(XZ) {
        read(liblzma::bufread::XzDecoder::new(bytes), limit)
    } else if bytes.starts_with(ZSTD) {
        read(
            zstd::stream::read::Decoder::with_buffer(bytes)?.single_frame(),
            limit,
        )
    } else if let Some(blocks) = bytes.strip_prefix(LZ4_LEGACY) {
        lz4_legacy(blocks, limit)
    } else {
        Err(invalid("neither ELF nor lz4, zstd, xz or gzip data"))
    };
    content.map(Cow::Owned)
}

fn read(decoder: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(bound).read_to_end(&mut content)?;
    within(content, limit)
}

/// Blocks, each after its size as a little-endian 32-bit number, up to the end of the data
/// or, in a Linux kernel, up to the four bytes that are no block.
fn lz4_legacy(mut rest: &[u8], limit: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    while rest.len() > 4 {
        let (size, after) = rest
            .split_first_chunk::<4>()
            .ok_or_else(|| invalid("truncated"))?;
        let size = usize::try_from(u32::from_le_bytes(*size)).map_err(io::Error::other)?;
        let (block, after) = after
            .split_at_checked(size)
            .ok_or_else(|| invalid("an lz4 block reaches past the end"))?;
        let block =
            lz4_flex::block::decompress(block, LZ4_LEGACY_BLOCK).map_err(io::Error::other)?;
        content.extend_from_slice(&block);
        content = within(content, limit)?;
        rest = after;
    }
    Ok(content)
}

fn within(content: Vec<u8>, limit: usize) -> io::Result<Vec<u8>> {
    if content.len() > limit {
        return Err(invalid(&format!(
            "the content is larger than {limit} bytes"
        )));
    }
    Ok(content)
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const CONTENT: &[u8] = b"the same words, the same words, the same words";

    fn every_way() -> Vec<Vec<u8>> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(CONTENT).unwrap();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(CONTENT).unwrap();
        let block = lz4_flex::block::compress(CONTENT);
        let mut lz4 = LZ4_LEGACY.to_vec();
        lz4.extend_from_slice(&u32::try_from(block.len()).unwrap().to_le_bytes());
        lz4.extend_from_slice(&block);
        vec![
            gzip.finish().unwrap(),
            xz.finish().unwrap(),
            zstd::encode_all(CONTENT, 1).unwrap(),
            lz4,
        ]
    }

    #[test]
    fn every_compression_is_undone_and_what_follows_is_ignored() {
        for mut bytes in every_way() {
            assert_eq!(&*decompress(&bytes, 1000).unwrap(), CONTENT);
            bytes.extend_from_slice(&[46, 0, 0, 0]);
            assert_eq!(&*decompress(&bytes, 1000).unwrap(), CONTENT);
        }
        assert_eq!(&*decompress(b"\x7fELF..", 1).unwrap(), b"\x7fELF..");
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        for bytes in every_way() {
            assert!(decompress(&bytes, CONTENT.len() - 1).is_err());
        }
    }

    #[test]
    fn broken_data_is_refused() {
        for bytes in every_way() {
            assert!(decompress(&bytes[..bytes.len() / 2], 1000).is_err());
        }
        assert!(decompress(b"plain text", 1000).is_err());
        assert!(decompress(b"", 1000).is_err());
    }
}
