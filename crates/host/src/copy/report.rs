//! What the host tells the copy's process to do, and what it hears from it.
// SPDX-License-Identifier: BSD-2-Clause

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::format::Format;
use crate::target::Facts;

/// One copy. Beside it go the descriptors of the image, open for reading, and of the target,
/// where there is one.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) input: InputKind,
    /// What messages call the image.
    pub(super) name: String,
    pub(super) format: Format,
    /// For formats that only QEMU reads: how long it may take to answer. The sockets on which it
    /// exports the disk come behind the image.
    pub(super) export: Option<Duration>,
    /// For dumps of a file system.
    pub(super) boot_code: Vec<u8>,
    /// What is to be done with it.
    pub(super) task: Task,
}

/// What is to be done with an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Task {
    /// It becomes the content of the target, whose descriptor follows.
    Copy(Facts),
    /// It is looked at. Where its format needs all of it and not all of it is there, it is put into
    /// the temporary file whose descriptor follows, if there is one.
    Prepare {
        /// How many bytes the file may have then.
        spool: Option<u64>,
    },
}

/// What the image's descriptor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum InputKind {
    /// A regular file or block device.
    File,
    /// A pipe or socket.
    Stream {
        /// How many bytes come, where that is known.
        length: Option<u64>,
        /// How long it may be waited for a byte, in seconds; for ever without a number.
        patience: Option<u64>,
    },
}

/// What the copy's process says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// How far it is, both in bytes.
    Progress { position: u64, total: u64 },
    /// It is done: the target is flushed.
    Done(Copied),
    /// It is prepared.
    Prepared {
        /// What the image is.
        format: Format,
        /// How many bytes its disk has, where that can be told without unpacking it.
        length: Option<u64>,
        /// Whether it is in the temporary file now, unpacked.
        spooled: bool,
    },
    /// It is not done, and this is why.
    Failed {
        reason: String,
        /// Nothing was written yet.
        untouched: bool,
        /// All that came of a stream had been read: it may have been too little.
        ended: bool,
    },
}

/// What a copy has put on the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Bytes of the image that were written.
    pub data_bytes: u64,
    /// Bytes of the image whose blocks image and target share now.
    pub shared_bytes: u64,
    /// Bytes of the image that were not written, since they are zero on the target anyway,
    /// or were made so without moving data.
    pub zero_bytes: u64,
    /// What became of the target behind the image's end.
    pub rest: Rest,
    /// Bytes behind the image that still hold what they held before; 0 but for
    /// [`Rest::EndsZeroed`].
    pub kept_bytes: u64,
}

/// What became of the target behind the image's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rest {
    /// There is nothing behind the image.
    None,
    /// It reads as zeroes, all of it.
    Zeroed,
    /// Its first and last mebibyte read as zeroes. The bytes between were left alone, as the
    /// device cannot be zeroed without writing all of it.
    EndsZeroed,
}

impl Copied {
    /// The bytes of the image's disk.
    #[must_use]
    pub fn length(&self) -> u64 {
        (self.data_bytes)
            .saturating_add(self.shared_bytes)
            .saturating_add(self.zero_bytes)
    }
}
