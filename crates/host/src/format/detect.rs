//! By which first bytes the formats that hold a disk are known.
//!
//! They decide what an image is only where somebody has said that it is trusted: whoever writes to
//! a raw disk chooses what it begins with. Elsewhere they can only make it be refused.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{Cursor, Read};

use super::{Bytes, Format, ImageError};
use crate::source::Source;

/// How many bytes are looked at.
const HEAD: usize = 72;

/// The format of an image; what begins like no other is a raw dump of a disk.
///
/// # Errors
/// When it cannot be read.
pub(super) fn detect(source: &Source) -> Result<Format, ImageError> {
    let mut head = [0; HEAD];
    let length = usize::try_from(source.length()).unwrap_or(HEAD);
    let head = head.get_mut(..length.min(HEAD)).unwrap_or_default();
    source.read_at(head, 0)?;
    Ok(of(head))
}

/// Refuses what was called a raw dump of a disk and begins like another format: it is one, and the format
/// was forgotten. A machine could not start from it either way.
///
/// # Errors
/// When it begins so, is empty, or cannot be read.
pub(super) fn refuse_other(bytes: Bytes) -> Result<Bytes, ImageError> {
    let (found, bytes) = match bytes {
        Bytes::File(source) => (detect(&source)?, Bytes::File(source)),
        Bytes::Stream { mut bytes, length } => {
            let mut head = Vec::with_capacity(HEAD);
            let most = u64::try_from(HEAD).unwrap_or(0);
            (bytes.by_ref().take(most).read_to_end(&mut head)).map_err(ImageError::Stream)?;
            if head.is_empty() {
                return Err(ImageError::Empty);
            }
            let found = of(&head);
            let bytes = Box::new(Cursor::new(head).chain(bytes));
            (found, Bytes::Stream { bytes, length })
        }
    };
    match found {
        Format::Diskdump => Ok(bytes),
        other => Err(ImageError::OtherFormat(other.name())),
    }
}

fn of(head: &[u8]) -> Format {
    // Sparse extents of VMware begin in two ways, and descriptors of several in a third; the footer
    // of a VHD that is not of fixed size has a copy in front; a VDI has text before its signature.
    match head {
        _ if head.starts_with(b"QFI\xfb") => Format::Qcow2,
        _ if head.starts_with(b"KDMV") || head.starts_with(b"COWD") => Format::Vmdk,
        _ if head.starts_with(b"# Disk DescriptorFile") => Format::Vmdk,
        _ if head.starts_with(b"conectix") => Format::Vhd,
        _ if head.starts_with(b"vhdxfile") => Format::Vhdx,
        _ if head.get(64..68) == Some(&[0x7f, 0x10, 0xda, 0xbe]) => Format::Vdi,
        _ => Format::Diskdump,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_no_other_is_a_raw_disk() {
        for head in [b"".as_slice(), b"QFI", b"\xebc\x90", b"conectiX", &[0; 72]] {
            assert_eq!(of(head), Format::Diskdump, "{head:?}");
        }
        assert_eq!(of(b"QFI\xfb\0\0\0\x02"), Format::Qcow2);
        assert_eq!(of(b"KDMV\x01"), Format::Vmdk);
        assert_eq!(of(b"conectix\0"), Format::Vhd);
    }
}
