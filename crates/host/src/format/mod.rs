//! What an image's bytes mean: from the bytes of a source to those of a disk, in guest order.
// SPDX-License-Identifier: BSD-2-Clause

mod bytes;
pub mod compression;
pub(crate) mod container;
mod detect;
mod dump;
mod error;
mod exported;
mod image;
mod open;
mod qcow2;
pub(crate) mod spool;

pub use bytes::Bytes;
pub use dump::{BOOT_CODE, FileSystem, MbrError, boot_code};
pub use error::ImageError;
pub use exported::Exported;
pub use image::{Content, Image};
pub use open::Means;

use serde::{Deserialize, Serialize};

use crate::exporter::Container;
use crate::source::Source;

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
    /// A whole disk in QEMU's format qcow2, version 2 or 3.
    Qcow2,
    /// A whole disk in VMware's format, in one file: monolithicSparse or streamOptimized.
    Vmdk,
    /// A whole disk in the format of Virtual PC and Azure, fixed or dynamic.
    Vhd,
    /// A whole disk in the format of Hyper-V.
    Vhdx,
    /// A whole disk in the format of VirtualBox.
    Vdi,
    /// One of the formats that hold a whole disk, by what the image begins with; for images that are trusted.
    Auto,
}

impl Format {
    /// The file system of which an image of this form is a dump.
    #[must_use]
    pub fn file_system(self) -> Option<FileSystem> {
        match self {
            Format::Diskdump
            | Format::Qcow2
            | Format::Vmdk
            | Format::Vhd
            | Format::Vhdx
            | Format::Vdi
            | Format::Auto => None,
            Format::Extdump => Some(FileSystem::Ext),
            Format::Ntfsdump => Some(FileSystem::Ntfs),
        }
    }

    /// For a form that only QEMU reads: which.
    #[must_use]
    pub fn container(self) -> Option<Container> {
        match self {
            Format::Vmdk => Some(Container::Vmdk),
            Format::Vhd => Some(Container::Vhd),
            Format::Vhdx => Some(Container::Vhdx),
            Format::Vdi => Some(Container::Vdi),
            Format::Diskdump
            | Format::Extdump
            | Format::Ntfsdump
            | Format::Qcow2
            | Format::Auto => None,
        }
    }

    /// Whether an image of this form can only be read when all of it is there: it is read here
    /// and there, and not from its beginning to its end.
    #[must_use]
    pub fn needs_all(self) -> bool {
        matches!(self, Format::Qcow2 | Format::Auto) || self.container().is_some()
    }

    /// The format of an image that lies in a file: this one, or what the image begins like.
    ///
    /// # Errors
    /// When it cannot be read, or is of a form that is known and not read here.
    pub(crate) fn detected(self, source: &Source) -> Result<Self, ImageError> {
        match self {
            Format::Auto => detect::detect(source),
            named => Ok(named),
        }
    }

    /// What it is called, as it is also given.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Diskdump => "diskdump",
            Format::Extdump => "extdump",
            Format::Ntfsdump => "ntfsdump",
            Format::Qcow2 => "qcow2",
            Format::Vmdk => "vmdk",
            Format::Vhd => "vhd",
            Format::Vhdx => "vhdx",
            Format::Vdi => "vdi",
            Format::Auto => "auto",
        }
    }
}
