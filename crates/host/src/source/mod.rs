//! Where an image's bytes come from: a file or block device of this machine, or a stream.
// SPDX-License-Identifier: BSD-2-Clause

pub mod beneath;
mod external;
mod input;
mod local;
mod url;

pub use external::ExternalId;
pub use input::{Input, Producer, ProducerError, Stream};
pub use local::{Source, SourceError};
pub(crate) use url::is_fetched;
pub use url::{Url, UrlError};

use std::fs::FileType;
use std::os::unix::fs::FileTypeExt;

/// What a path leads to when that can be neither an image nor a disk, in the words of an
/// error message; `None` for regular files and block devices.
pub(crate) fn unfit(kind: FileType) -> Option<&'static str> {
    if kind.is_dir() {
        Some("a directory")
    } else if kind.is_fifo() {
        Some("a named pipe (FIFO)")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_char_device() {
        Some("a character device")
    } else if kind.is_file() || kind.is_block_device() {
        None
    } else {
        Some("no regular file")
    }
}
