//! By which first bytes compressed data is known.
// SPDX-License-Identifier: BSD-2-Clause

/// How many bytes are looked at.
pub(super) const HEAD: usize = 16;

/// A compression that images come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip(1), RFC 1952; also of pigz and bgzip.
    Gzip,
    /// bzip2(1).
    Bzip2,
    /// xz(1): <https://tukaani.org/xz/xz-file-format.txt>.
    Xz,
    /// zstd(1), RFC 8878; also of pzstd.
    Zstd,
    /// lz4(1), its frame format.
    Lz4,
}

/// Magic number of zstd and lz4 for frames that hold no data, but for its lowest four bits.
const SKIPPABLE: u32 = 0x184d_2a50;

impl Compression {
    /// The compression of data that begins so. More than the magic number must be right, as
    /// far as there is more: a raw disk begins with what its owner likes.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        let word = head.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        match head {
            // Deflate is the only method; the upper flags are reserved.
            [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => Some(Compression::Gzip),
            // The size of blocks, and the first block's own number or that of the end.
            [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
                if rest.starts_with(b"1AY&SY") || rest.starts_with(b"\x17rE8P\x90") =>
            {
                Some(Compression::Bzip2)
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0, 0, 0..=15, ..] => Some(Compression::Xz),
            _ => match word? {
                0xfd2f_b528 => Some(Compression::Zstd),
                0x184d_2204 => Some(Compression::Lz4),
                word if word & !0xf == SKIPPABLE => Some(Compression::Zstd),
                _ => None,
            },
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Bzip2 => "bzip2",
            Compression::Xz => "xz",
            Compression::Zstd => "zstd",
            Compression::Lz4 => "lz4",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_resembles_a_compression_is_none() {
        for head in [
            b"".as_slice(),
            b"\x1f\x8b",
            b"\x1f\x8b\x08\xff",
            b"\x1f\x8b\x07\x00",
            b"BZh9",
            b"BZh9somebody",
            b"\xfd7zXZ\x00\x01\x00",
            b"QFI\xfb\x00\x00\x00\x03",
            b"\x28\xb5\x2f",
        ] {
            assert_eq!(Compression::of(head), None, "{head:?}");
        }
    }
}
