//! The sizes that follow from a header that was checked.
// SPDX-License-Identifier: BSD-2-Clause

use crate::Header;

/// The most that is kept of a second-level table in one piece, in bytes: of 2 MiB clusters it
/// covers 16 GiB of the disk.
const LARGEST_SLICE: u64 = 64 << 10;

/// Subclusters of a cluster.
pub(crate) const SUBCLUSTERS: u64 = 32;

/// The sizes of an image's parts. The divisors among them are never 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    /// 2 or 3.
    pub(crate) version: u32,
    /// Base-2 logarithm of a cluster's bytes, 9 to 21.
    pub(crate) cluster_bits: u32,
    /// Bytes of a cluster.
    pub(crate) cluster: u64,
    /// Whether second-level entries describe subclusters.
    pub(crate) has_subclusters: bool,
    /// Bytes of a second-level entry: 8, or 16 with subclusters.
    pub(crate) entry: u64,
    /// Bytes of the disk that a second-level table describes.
    pub(crate) table_span: u64,
    /// Bytes of a second-level table that are read at a time.
    pub(crate) slice: u64,
    /// Bytes of the disk that a slice describes.
    pub(crate) slice_span: u64,
    /// Bytes of the disk.
    pub(crate) size: u64,
    /// Bytes of the file.
    pub(crate) file: u64,
}

impl Geometry {
    /// The sizes of an image whose header was checked, in a file of `file` bytes.
    pub(crate) fn new(header: &Header, file: u64) -> Self {
        let cluster = header.cluster_size().max(1);
        let has_subclusters = header.has_subclusters();
        let entry = if has_subclusters { 16 } else { 8 };
        let slice = cluster.min(LARGEST_SLICE);
        let span = |bytes: u64| (bytes / entry).saturating_mul(cluster).max(1);
        Geometry {
            version: header.version,
            cluster_bits: header.cluster_bits,
            cluster,
            has_subclusters,
            entry,
            table_span: span(cluster),
            slice,
            slice_span: span(slice),
            size: header.size,
            file,
        }
    }
}
