//! Puts the bytes of a stream onto a target: what an export has sent comes back.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;

use crate::copy::{CopyError, copy};
use crate::format::{Content, ImageError};
use crate::target::{Target, TargetError};

/// Why a stream is not on the target.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The stream broke.
    #[error("reading the data to import: {0}")]
    Read(io::Error),
    /// Nothing came.
    #[error("there was no data to import: the sender failed before its first byte")]
    Empty,
    /// A disk consists of whole sectors.
    #[error(
        "the data to import ended after {0} bytes, in the middle of a sector: the sender failed"
    )]
    Short(u64),
    /// More than the target holds.
    #[error(
        "the data to import is larger than target {path}, which has {capacity} bytes: give the new disk at least the size of the old one"
    )]
    TooLong {
        /// The target.
        path: String,
        /// Its size, in bytes.
        capacity: u64,
    },
    /// The target could not be written.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Anything else of the copy.
    #[error(transparent)]
    Copy(CopyError),
}

/// Reads `input` to its end onto `target`, flushes, and says how many bytes came. What the
/// target held before is not left within them, nor where a partition table could be behind.
///
/// # Errors
/// See [`RestoreError`]. The target's content is undefined then.
pub fn restore(input: &File, target: &Target) -> Result<u64, RestoreError> {
    let bytes = input.try_clone().map_err(RestoreError::Read)?;
    let stream = Content::Stream {
        bytes: Box::new(bytes),
        length: None,
    };
    target.touch();
    let copied = copy(stream, target.disk(), &|_| {})?;
    let length = copied.length();
    if !length.is_multiple_of(512) {
        return Err(RestoreError::Short(length));
    }
    target.flush()?;
    target.keep();
    Ok(length)
}

/// A stream that fails is told in the words of an import.
impl From<CopyError> for RestoreError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Image(ImageError::Stream(error)) => RestoreError::Read(error),
            CopyError::Empty => RestoreError::Empty,
            CopyError::TooLong { path, capacity } => RestoreError::TooLong {
                path: path.display().to_string(),
                capacity,
            },
            CopyError::Target(error) => RestoreError::Target(error),
            error => RestoreError::Copy(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    struct Stage {
        directory: tempfile::TempDir,
    }

    impl Stage {
        /// A target that is full of something else.
        fn new(capacity: usize) -> Self {
            let directory = tempfile::tempdir().unwrap();
            std::fs::write(directory.path().join("target"), vec![0xaa; capacity]).unwrap();
            Stage { directory }
        }

        fn path(&self) -> PathBuf {
            self.directory.path().join("target")
        }

        fn restore(&self, data: &[u8]) -> Result<u64, RestoreError> {
            let input = self.directory.path().join("input");
            std::fs::write(&input, data).unwrap();
            let target = Target::open(&self.path(), None, None).unwrap();
            restore(&File::open(input).unwrap(), &target)
        }
    }

    fn data(length: usize) -> Vec<u8> {
        let byte = |at: usize| {
            if (at >> 20).is_multiple_of(2) {
                0
            } else {
                u8::try_from(at % 251).unwrap()
            }
        };
        (0..length).map(byte).collect()
    }

    #[test]
    fn every_byte_comes_back_and_nothing_old_is_left() {
        for (length, capacity) in [
            (9 << 20, 9 << 20),
            ((5 << 20) + 512, 12 << 20),
            (512, 4096),
            (4 << 20, 4 << 20),
        ] {
            let stage = Stage::new(capacity);
            let data = data(length);
            assert_eq!(
                stage.restore(&data).unwrap(),
                u64::try_from(length).unwrap()
            );
            let mut expected = data;
            expected.resize(capacity, 0);
            assert!(
                std::fs::read(stage.path()).unwrap() == expected,
                "{length} onto {capacity}"
            );
        }
    }

    #[test]
    fn what_is_too_long_or_short_is_refused() {
        for (length, capacity, words) in [
            (0, 1 << 20, "no data"),
            (513, 1 << 20, "middle of a sector"),
            ((1 << 20) + 512, 1 << 20, "is larger than"),
            (20 << 20, 1 << 20, "is larger than"),
        ] {
            let fault = Stage::new(capacity)
                .restore(&data(length))
                .unwrap_err()
                .to_string();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
