//! Why a target cannot be used or written.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::path::PathBuf;

/// Why a target cannot be opened, written, zeroed or flushed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// It is of a kind that cannot be a disk.
    #[error("target {} is {what}; give a block device or a regular file", path.display())]
    Unfit {
        /// The target.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// There is nothing to customise.
    #[error("target {} does not exist, so there is nothing on it to customise", path.display())]
    Missing {
        /// The target.
        path: PathBuf,
    },
    /// There is no directory for a file to be made in.
    #[error("target {} cannot be made: there is no directory {}", path.display(), folder.display())]
    NoFolder {
        /// The target.
        path: PathBuf,
        /// What is not there.
        folder: PathBuf,
    },
    /// A block device that takes no writes.
    #[error("target {} is read-only (blockdev --setrw {})", path.display(), path.display())]
    ReadOnly {
        /// The target.
        path: PathBuf,
    },
    /// The system refused to open or create it.
    #[error("cannot open target {}: {error}", path.display())]
    Open {
        /// The target.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A disk behind a URI could not be opened.
    #[error("cannot reach target {}: {reason}", path.display())]
    Reach {
        /// The target.
        path: PathBuf,
        /// Why, in one line.
        reason: String,
    },
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A mount, a device on top of it or another program holds the block device.
    #[error("target {} is in use (mounted, or part of another device); release it first", path.display())]
    InUse {
        /// The target.
        path: PathBuf,
    },
    /// Another deployment holds the lock.
    #[error("target {} is locked: another deployment or program works on it", path.display())]
    Locked {
        /// The target.
        path: PathBuf,
    },
    /// The system could not lock it.
    #[error("cannot lock target {}: {error}", path.display())]
    Lock {
        /// The target.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The path leads to another file than the one that was opened and locked.
    #[error("target {} was removed or replaced while it was opened; try again", path.display())]
    Replaced {
        /// The target.
        path: PathBuf,
    },
    /// A disk consists of whole sectors.
    #[error("target {} cannot have {size} bytes: a disk's size is a multiple of 512", path.display())]
    OddSize {
        /// The target.
        path: PathBuf,
        /// The size asked for or found.
        size: u64,
    },
    /// A file to be made for an image whose length nobody knows yet.
    #[error("target {} does not exist, and how large the image is shows only when it is unpacked or has come; say how large the new file is to be (--size)", path.display())]
    SizeNeeded {
        /// The target.
        path: PathBuf,
    },
    /// Making a disk smaller would destroy what is behind its new end.
    #[error("target {} has {present} bytes and is never made smaller; {asked} were asked for", path.display())]
    Shrink {
        /// The target.
        path: PathBuf,
        /// Its size.
        present: u64,
        /// The size asked for.
        asked: u64,
    },
    /// A block device has the size it has.
    #[error("target {} is a block device of {present} bytes; a size of {asked} cannot be given to it", path.display())]
    FixedSize {
        /// The target.
        path: PathBuf,
        /// Its size.
        present: u64,
        /// The size asked for.
        asked: u64,
    },
    /// The image does not fit.
    #[error("the image has {image} bytes and target {} only {capacity}; use a larger one, or give a file a larger size", path.display())]
    TooSmall {
        /// The target.
        path: PathBuf,
        /// Its size.
        capacity: u64,
        /// The image's length.
        image: u64,
    },
    /// A device whose sectors are larger than what every disk format knows.
    #[error("target {} has sectors of {sector} bytes; 512 to 4096 are supported", path.display())]
    Sector {
        /// The target.
        path: PathBuf,
        /// Its logical sector size.
        sector: u32,
    },
    /// The file could not be given its size.
    #[error("cannot give target {} a size of {size} bytes: {error}", path.display())]
    Grow {
        /// The target.
        path: PathBuf,
        /// The size asked for.
        size: u64,
        /// Why.
        error: io::Error,
    },
    /// The system could not write.
    #[error("cannot write to target {} at byte {offset}: {error}", path.display())]
    Write {
        /// The target.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// Why.
        error: io::Error,
    },
    /// What was written could not be brought to stable storage.
    #[error("cannot flush target {}: {error}; what it holds now is not to be trusted", path.display())]
    Flush {
        /// The target.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}
