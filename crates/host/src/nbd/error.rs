//! Why an exported disk cannot be read or written.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::time::Duration;

/// Why an exported disk cannot be read or written. Who has the disk's name puts it in front.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NbdError {
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Socket(io::Error),
    /// The server closed it.
    #[error("the server has closed the connection")]
    Closed,
    /// The server is silent.
    #[error("the server gave no answer for {} s", .0.as_secs())]
    Silent(Duration),
    /// The server answers what was not asked, or more than it may.
    #[error("the server breaks the protocol: {0}")]
    Protocol(&'static str),
    /// The server refuses an option; its words are not repeated.
    #[error("the server refuses option {option} (error {code:#x})")]
    Refused {
        /// The option's number.
        option: u32,
        /// The server's answer.
        code: u32,
    },
    /// The server could not do what was asked.
    #[error(transparent)]
    Failed(io::Error),
    /// An earlier failure has left the connections without order.
    #[error("the connection had failed before")]
    Broken,
}

impl NbdError {
    /// Whether the connection can still be used: the server has answered in order.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, NbdError::Failed(_))
    }

    /// What the server means by an error number, all of which are Linux's too.
    pub(super) fn failed(code: u32) -> Self {
        /// EPERM, EIO, ENOMEM, EINVAL, ENOSPC, EOVERFLOW, ENOTSUP, ESHUTDOWN.
        const KNOWN: [u32; 8] = [1, 5, 12, 22, 28, 75, 95, 108];
        let known = KNOWN.contains(&code);
        let code = i32::try_from(code).ok().filter(|_| known);
        // An unknown one counts as EINVAL, as the protocol wants.
        NbdError::Failed(io::Error::from_raw_os_error(code.unwrap_or(22)))
    }
}

/// For what speaks of files and disks alike.
impl From<NbdError> for io::Error {
    fn from(error: NbdError) -> Self {
        match error {
            NbdError::Failed(error) => error,
            other => io::Error::other(other),
        }
    }
}
