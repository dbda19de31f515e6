//! From an image's bytes to its disk's content, whatever the form of the image.
// SPDX-License-Identifier: BSD-2-Clause

use super::{Bytes, Content, Format, ImageError, compression};

/// What it takes beside the bytes.
#[derive(Debug, Default)]
pub struct Means {
    /// What the first sector of a dump's disk begins with.
    pub boot_code: Vec<u8>,
}

impl Format {
    /// The content of the disk that these bytes are an image of.
    ///
    /// # Errors
    /// When the bytes are no image of this form, or cannot be read.
    pub fn open(self, bytes: Bytes, means: &Means) -> Result<Content, ImageError> {
        let content = Content::from(compression::unpack(bytes)?);
        match self.file_system() {
            Some(file_system) => file_system.as_disk(content, &means.boot_code),
            None => Ok(content),
        }
    }
}
