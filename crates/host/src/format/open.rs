//! From an image's bytes to its disk's content, whatever the form of the image.
// SPDX-License-Identifier: BSD-2-Clause

use super::{Bytes, Content, Format, ImageError, compression, container, detect, qcow2};
use crate::nbd::Client;

/// What it takes beside the bytes.
#[derive(Debug, Default)]
pub struct Means {
    /// What the first sector of a dump's disk begins with.
    pub boot_code: Vec<u8>,
    /// Bytes of a sector of the disk that it is put on; 0 counts as 512.
    pub sector: u32,
    /// Where QEMU exports the disk of an image that only QEMU reads.
    pub export: Option<Client>,
}

impl Format {
    /// The content of the disk that these bytes are an image of.
    ///
    /// # Errors
    /// When the bytes are no image of this form, or cannot be read; when they are a stream, or
    /// compressed, and the form needs all of them ([`Format::needs_all`]).
    pub fn open(self, bytes: Bytes, means: Means) -> Result<Content, ImageError> {
        let bytes = compression::unpack(bytes)?;
        if let Some(file_system) = self.file_system() {
            return file_system.as_disk(bytes.into(), &means.boot_code, means.sector);
        }
        match (self, bytes) {
            (Format::Qcow2, Bytes::File(source)) => qcow2::open(source),
            (Format::Auto, Bytes::File(source)) => {
                let format = self.detected(&source)?;
                format.open(Bytes::File(source), means)
            }
            (Format::Vmdk | Format::Vhd | Format::Vhdx | Format::Vdi, Bytes::File(source)) => {
                let export = means.export.ok_or(ImageError::NotExported)?;
                Ok(container::exported(source, export))
            }
            (
                Format::Qcow2
                | Format::Vmdk
                | Format::Vhd
                | Format::Vhdx
                | Format::Vdi
                | Format::Auto,
                Bytes::Stream { .. },
            ) => Err(ImageError::NotSpooled),
            (_, bytes) => Ok(detect::refuse_other(bytes)?.into()),
        }
    }
}
