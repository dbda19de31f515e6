//! Images in formats that only QEMU reads, which a confined QEMU exports as disks.
// SPDX-License-Identifier: BSD-2-Clause

use std::ops::Range;

use super::{Content, Exported, Image, ImageError};
use crate::exporter::Container;
use crate::nbd::Client;
use crate::source::Source;

/// Looks for what QEMU would pass over: an image that is only the difference to another one.
///
/// # Errors
/// When it is, or cannot be read.
pub(crate) fn check(container: Container, source: &Source) -> Result<(), ImageError> {
    /// What a footer of VHD begins with, a copy of which comes first unless the disk is fixed.
    const COOKIE: &[u8] = b"conectix";
    /// Where in it the type of the disk is, as a number of four bytes in network order.
    const TYPE: Range<usize> = 60..64;
    const DIFFERENCING: [u8; 4] = [0, 0, 0, 4];
    let mut head = [0; 512];
    if container != Container::Vhd || source.length() < 512 {
        return Ok(());
    }
    source.read_at(&mut head, 0)?;
    if head.starts_with(COOKIE) && head.get(TYPE) == Some(&DIFFERENCING) {
        return Err(ImageError::Difference);
    }
    Ok(())
}

/// The disk that is exported, made of the image in `source`.
pub(super) fn exported(source: Source, export: Client) -> Content {
    let disk = Exported::new(export);
    Content::Image(Box::new(Interpreted { source, disk }))
}

/// An image and its disk.
struct Interpreted {
    source: Source,
    disk: Exported,
}

impl Image for Interpreted {
    fn length(&self) -> u64 {
        self.disk.length()
    }

    fn next_data(&self, from: u64) -> Result<Option<Range<u64>>, ImageError> {
        self.disk.next_data(from)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), ImageError> {
        self.disk.read_at(buffer, offset)
    }

    fn grain(&self) -> usize {
        self.disk.grain()
    }

    fn check_unchanged(&self) -> Result<(), ImageError> {
        Ok(self.source.check_unchanged()?)
    }
}
