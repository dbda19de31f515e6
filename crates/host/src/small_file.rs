//! Reads a small file that the command line or a setting names.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("reading {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Not what was expected.
    #[error("{0} is not a regular file")]
    NotRegular(PathBuf),
    /// Too much.
    #[error("{path} is larger than {limit} bytes, the most that is taken here")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// In bytes.
        limit: usize,
    },
}

/// The content of a regular file of at most `limit` bytes, and its permission bits.
/// A pipe is read as well, since shells make one for `<(…)`.
///
/// # Errors
/// When it cannot be read, is a directory or a device, or is larger.
pub fn read_bounded(path: &Path, limit: usize) -> Result<(Vec<u8>, u32), ReadError> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let failed = |source| ReadError::Io {
        path: path.into(),
        source,
    };
    let too_large = || ReadError::TooLarge {
        path: path.into(),
        limit,
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() && !metadata.file_type().is_fifo() {
        return Err(ReadError::NotRegular(path.into()));
    }
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    if metadata.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > limit {
        return Err(too_large());
    }
    Ok((bytes, metadata.mode() & 0o7777))
}
