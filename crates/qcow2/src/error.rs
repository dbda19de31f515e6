//! Why an image is refused.
// SPDX-License-Identifier: BSD-2-Clause

/// Why an image is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The first four bytes are others.
    #[error("not a qcow2 image: it does not begin with \"QFI\\xfb\"")]
    Magic,
    /// The file ends within its header.
    #[error("qcow2 header cut short: {present} bytes where at least {needed} belong")]
    Truncated {
        /// Bytes that are there.
        present: usize,
        /// Bytes that the header needs.
        needed: usize,
    },
    /// A version that is neither 2 nor 3.
    #[error("qcow2 version {0} is not supported; convert the image with qemu-img (compat=1.1)")]
    Version(u32),
    /// The image is a layer on top of another file.
    #[error("the qcow2 image needs a backing file; flatten it with qemu-img convert")]
    BackingFile,
    /// The data lies in another file.
    #[error("the qcow2 image keeps its data in another file; convert it with qemu-img")]
    ExternalData,
    /// The content is encrypted.
    #[error("the qcow2 image is encrypted (method {0}); decrypt it with qemu-img convert")]
    Encrypted(u32),
    /// A writer left the image marked as damaged.
    #[error("the qcow2 image is marked as corrupt; repair it with qemu-img check -r")]
    Corrupt,
    /// Features without which the image cannot be read rightly.
    #[error("the qcow2 image needs features that are not known (incompatible bits {0:#x})")]
    UnknownFeatures(u64),
    /// A compression type that is neither zlib nor zstd.
    #[error("the qcow2 image is compressed in a way that is not known (type {0})")]
    UnknownCompression(u8),
    /// Compression type and feature bit contradict each other.
    #[error("the qcow2 header contradicts itself about how clusters are compressed")]
    CompressionBit,
    /// A header length that the specification rules out.
    #[error("qcow2 header length {0} is impossible")]
    HeaderLength(u32),
    /// Clusters smaller than 512 bytes or larger than 2 MiB.
    #[error("qcow2 clusters of 2^{0} bytes are not supported; 2^9 to 2^21 are")]
    ClusterBits(u32),
    /// Extended L2 entries in clusters too small for them.
    #[error("qcow2 clusters of 2^{0} bytes are too small for subclusters")]
    SubclusterSize(u32),
    /// A reference count wider than 64 bits.
    #[error("qcow2 refcount order {0} is impossible; 0 to 6 are possible")]
    RefcountOrder(u32),
    /// An image of no bytes.
    #[error("the qcow2 image's virtual disk is empty")]
    Empty,
    /// A virtual disk larger than allowed.
    #[error("the qcow2 image's virtual disk has {size} bytes; at most {most} are allowed")]
    TooLarge {
        /// The virtual size.
        size: u64,
        /// The limit.
        most: u64,
    },
    /// The first-level table is too short for the virtual disk, or absurdly long.
    #[error("the qcow2 L1 table has {entries} entries where the virtual disk needs {needed}")]
    L1Size {
        /// Entries that the header announces.
        entries: u32,
        /// Entries that the virtual size needs.
        needed: u64,
    },
    /// A table or a cluster that does not begin at a cluster's start.
    #[error("the qcow2 {table} begins at byte {offset}, which is no start of a cluster")]
    Unaligned {
        /// Which table, or what else.
        table: &'static str,
        /// Where it begins.
        offset: u64,
    },
    /// A table or a cluster that is not, or not wholly, within the file.
    #[error(
        "the qcow2 {table} at byte {offset} does not lie within the file's {file} bytes; the image is truncated or damaged"
    )]
    OutOfFile {
        /// Which table, or what else.
        table: &'static str,
        /// Where it begins.
        offset: u64,
        /// The file's length.
        file: u64,
    },
    /// A zero cluster where there are none.
    #[error(
        "the qcow2 image, of version 2, has a zero cluster at byte {at} of the disk, which only version 3 has; repair it with qemu-img check -r"
    )]
    ZeroCluster {
        /// Where in the disk.
        at: u64,
    },
    /// Subclusters that are two things at once.
    #[error("the qcow2 image contradicts itself about the subclusters at byte {at} of the disk")]
    Subclusters {
        /// Where in the disk.
        at: u64,
    },
    /// Compressed data that is damaged.
    #[error("the compressed qcow2 cluster for byte {at} of the disk is damaged or truncated")]
    Compressed {
        /// Where in the disk.
        at: u64,
    },
}

/// Why an image, or part of one, could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E: std::error::Error + 'static> {
    /// The image is at fault.
    #[error(transparent)]
    Image(#[from] Error),
    /// Its bytes could not be read.
    #[error(transparent)]
    Bytes(E),
}
