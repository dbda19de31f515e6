//! Why an image cannot be read.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;

use crate::source::SourceError;

/// Why an image cannot be read. The text names the cause; who has the image's name puts it
/// in front where it is missing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file with the image cannot be read, or has changed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It is of a form that only QEMU reads, and no QEMU exports it.
    #[error("the image was not exported; please report this as a bug")]
    NotExported,
    /// There is nothing in it.
    #[error("the image is empty")]
    Empty,
    /// It was called a raw dump of a disk, and begins like this format.
    #[error("it begins like {0}: give --format {0} (img_format={0})")]
    OtherFormat(&'static str),
    /// It is only what differs from another image.
    #[error(
        "the image is the difference to another one, its parent; make one image of both (qemu-img convert)"
    )]
    Difference,
    /// The bytes stopped coming, or cannot be unpacked.
    #[error("reading the image: {0}")]
    Stream(io::Error),
    /// It is not a dump of such a file system.
    #[error("the image is no dump of {expected} file system: {reason}; check the format")]
    NoFileSystem {
        /// Which, with its article.
        expected: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// It ends before the file system that it begins with.
    #[error("the image is truncated: it has {present} bytes of the file system's {needed}")]
    Truncated {
        /// Bytes that are there.
        present: u64,
        /// Bytes that the superblock or boot sector announces.
        needed: u64,
    },
    /// It is no qcow2 image, or one that is not read.
    #[error(transparent)]
    Qcow2(#[from] snf_image_qcow2::Error),
    /// The temporary file takes no more.
    #[error("putting the image into a temporary file in SPOOL_DIR: {0}")]
    Spool(io::Error),
    /// The temporary file would have to take more than it may.
    #[error(
        "the image has more than the {most} bytes that it may take in SPOOL_DIR: it is larger than the target, or SPOOL_DIR needs more room"
    )]
    SpoolLimit {
        /// How many it may have.
        most: u64,
    },
    /// A fault of this program.
    #[error("an image of this format cannot be read from a stream; please report this as a bug")]
    NotSpooled,
}
