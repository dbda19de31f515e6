//! A stream's bytes in a temporary file, for forms of images that are read here and there.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use super::ImageError;

/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

/// How finely zeroes are looked for: they become holes, so that a file of zeroes, however it was
/// packed, takes no room.
const GRAIN: usize = 64 << 10;

/// What a block of zeroes looks like.
static ZEROES: [u8; GRAIN] = [0; GRAIN];

/// Puts all that a stream gives into a file that is empty, and says how many bytes that is.
///
/// # Errors
/// When the stream breaks off, gives more than `most` bytes, or the file takes no more.
pub(crate) fn fill(stream: &mut dyn Read, file: &File, most: u64) -> Result<u64, ImageError> {
    let mut buffer = vec![0; PIECE];
    let mut at = 0_u64;
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ImageError::Stream(error)),
        };
        let piece = buffer.get(..count).unwrap_or_default();
        let end = at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if end > most {
            return Err(ImageError::SpoolLimit { most });
        }
        if piece.is_empty() {
            // The last of it may be a hole.
            file.set_len(at).map_err(ImageError::Spool)?;
            return Ok(at);
        }
        for block in piece.chunks(GRAIN) {
            if ZEROES
                .get(..block.len())
                .is_none_or(|zeroes| zeroes != block)
            {
                file.write_all_at(block, at).map_err(ImageError::Spool)?;
            }
            at = at.saturating_add(u64::try_from(block.len()).unwrap_or(u64::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn what_comes_is_there_and_zeroes_take_no_room() {
        let file = tempfile::tempfile().unwrap();
        let stream = (b"head".chain(io::repeat(0).take(5 << 20))).chain(&b"tail"[..]);
        let length = fill(
            &mut stream.chain(io::repeat(0).take(1 << 20)),
            &file,
            8 << 20,
        );
        assert_eq!(length.unwrap(), (6 << 20) + 8);
        assert_eq!(file.metadata().unwrap().len(), (6 << 20) + 8);
        assert!(file.metadata().unwrap().blocks() < 1024);
        let mut tail = [0; 8];
        file.read_exact_at(&mut tail, 5 << 20).unwrap();
        assert_eq!(&tail, b"\0\0\0\0tail");
    }

    #[test]
    fn there_is_an_end_to_it() {
        let file = tempfile::tempfile().unwrap();
        let refused = fill(&mut io::repeat(0), &file, 3 << 20).unwrap_err();
        assert!(matches!(refused, ImageError::SpoolLimit { most } if most == 3 << 20));
    }
}
