//! The header of an image as it is written, not yet judged.
// SPDX-License-Identifier: BSD-2-Clause

use crate::Error;
use crate::fields::Fields;

/// "QFI" and 0xfb.
const MAGIC: u32 = 0x5146_49fb;

/// Bytes of a version 2 header, and the least of a version 3 header.
const LENGTH_V2: u32 = 72;
const LENGTH_V3: u32 = 104;

/// Incompatible feature bits (version 3): whoever does not know one must not read the image.
pub(crate) mod incompatible {
    /// Refcounts may be wrong, which does not matter to a reader.
    pub(crate) const DIRTY: u64 = 1 << 0;
    /// Any structure may be wrong.
    pub(crate) const CORRUPT: u64 = 1 << 1;
    /// Guest data lies in another file.
    pub(crate) const EXTERNAL_DATA: u64 = 1 << 2;
    /// The header says how clusters are compressed.
    pub(crate) const COMPRESSION: u64 = 1 << 3;
    /// L2 entries are 128 bits wide and describe 32 subclusters.
    pub(crate) const EXTENDED_L2: u64 = 1 << 4;
}

/// How compressed clusters are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Raw deflate (RFC 1951), without zlib's own header.
    Deflate,
    /// Zstandard frames.
    Zstd,
}

/// The header of an image. [`Header::parse`] takes it as it is; [`Header::check`] says whether
/// the image can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// 2 or 3.
    pub version: u32,
    /// Where the name of a backing file is written; 0 without one.
    pub backing_file_offset: u64,
    /// Base-2 logarithm of the cluster size in bytes.
    pub cluster_bits: u32,
    /// Size of the virtual disk in bytes.
    pub size: u64,
    /// 0 none, 1 AES, 2 LUKS.
    pub crypt_method: u32,
    /// Entries of the first-level table.
    pub l1_size: u32,
    /// Where the first-level table begins.
    pub l1_table_offset: u64,
    /// Where the refcount table begins.
    pub refcount_table_offset: u64,
    /// Clusters that the refcount table takes.
    pub refcount_table_clusters: u32,
    /// Internal snapshots.
    pub snapshots: u32,
    /// Where the snapshot table begins.
    pub snapshots_offset: u64,
    /// Features without which the image must not be read; 0 in version 2.
    pub incompatible_features: u64,
    /// Base-2 logarithm of a refcount's width in bits; 4 in version 2.
    pub refcount_order: u32,
    /// Bytes of the header; 72 in version 2.
    pub header_length: u32,
    /// Compression type as written; 0 where the header ends before it.
    pub compression_type: u8,
}

impl Header {
    /// How many of an image's first bytes [`Header::parse`] looks at.
    pub const LENGTH: usize = 112;

    /// Takes the header from an image's first bytes; [`Header::LENGTH`] of them are enough, and
    /// fewer will do where the file ends.
    ///
    /// # Errors
    /// When the bytes are not a qcow2 image's, are of an unknown version, or too few.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let fields = Fields(bytes);
        if fields.u32(0).map_err(|_| Error::Magic)? != MAGIC {
            return Err(Error::Magic);
        }
        let mut header = Header {
            version: fields.u32(4)?,
            backing_file_offset: fields.u64(8)?,
            // The length of the backing file's name, at 16, is of no use to us.
            cluster_bits: fields.u32(20)?,
            size: fields.u64(24)?,
            crypt_method: fields.u32(32)?,
            l1_size: fields.u32(36)?,
            l1_table_offset: fields.u64(40)?,
            refcount_table_offset: fields.u64(48)?,
            refcount_table_clusters: fields.u32(56)?,
            snapshots: fields.u32(60)?,
            snapshots_offset: fields.u64(64)?,
            incompatible_features: 0,
            refcount_order: 4,
            header_length: LENGTH_V2,
            compression_type: 0,
        };
        match header.version {
            2 => {}
            3 => header.parse_version_3(fields)?,
            version => return Err(Error::Version(version)),
        }
        Ok(header)
    }

    /// Compatible features, at 80, and autoclear features, at 88, do not concern a reader.
    fn parse_version_3(&mut self, fields: Fields<'_>) -> Result<(), Error> {
        self.incompatible_features = fields.u64(72)?;
        self.refcount_order = fields.u32(96)?;
        self.header_length = fields.u32(100)?;
        if self.header_length < LENGTH_V3 || !self.header_length.is_multiple_of(8) {
            return Err(Error::HeaderLength(self.header_length));
        }
        if self.header_length > LENGTH_V3 {
            self.compression_type = fields.u8(104)?;
        }
        Ok(())
    }

    /// How compressed clusters are compressed.
    ///
    /// # Errors
    /// When the type is neither, or type and feature bit contradict each other.
    pub fn compression(&self) -> Result<Compression, Error> {
        let announced = self.has(incompatible::COMPRESSION);
        match (self.compression_type, announced) {
            (0, false) => Ok(Compression::Deflate),
            (1, true) => Ok(Compression::Zstd),
            (0 | 1, _) => Err(Error::CompressionBit),
            (unknown, _) => Err(Error::UnknownCompression(unknown)),
        }
    }

    /// Whether L2 entries are 128 bits wide and describe subclusters.
    #[must_use]
    pub fn has_subclusters(&self) -> bool {
        self.has(incompatible::EXTENDED_L2)
    }

    /// Whether an incompatible feature bit is set.
    pub(crate) fn has(&self, feature: u64) -> bool {
        self.incompatible_features & feature != 0
    }
}
