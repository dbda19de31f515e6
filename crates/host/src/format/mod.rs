//! What an image's bytes mean: from the bytes of a source to those of a disk, in guest order.
// SPDX-License-Identifier: BSD-2-Clause

mod bytes;
pub mod compression;
mod dump;
mod error;
mod image;
mod open;

pub use bytes::Bytes;
pub use dump::{BOOT_CODE, FileSystem, MbrError, boot_code};
pub use error::ImageError;
pub use image::{Content, Image};
pub use open::Means;

use serde::{Deserialize, Serialize};

/// The form of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A raw dump of a whole disk.
    Diskdump,
    /// A raw dump of one ext2, ext3 or ext4 file system.
    Extdump,
    /// A raw dump of one NTFS file system.
    Ntfsdump,
}

impl Format {
    /// The file system of which an image of this form is a dump.
    #[must_use]
    pub fn file_system(self) -> Option<FileSystem> {
        match self {
            Format::Diskdump => None,
            Format::Extdump => Some(FileSystem::Ext),
            Format::Ntfsdump => Some(FileSystem::Ntfs),
        }
    }
}
