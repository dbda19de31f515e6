//! Why a disk is not exported.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::time::Duration;

use snf_image_sandbox::StartError;

/// Why a disk is not exported. Who has the disk's name puts it in front.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// QEMU did not come up.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The system refused something on the way there.
    #[error("{doing}: {error}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        error: io::Error,
    },
    /// QEMU ended.
    #[error("the confined QEMU broke down: {0}")]
    Ended(String),
    /// QEMU answers, and not as it should.
    #[error("the confined QEMU gave an answer that makes no sense")]
    Nonsense,
    /// It is silent for too long: the server of a disk, mostly.
    #[error("it could not be opened within {} s", .0.as_secs())]
    Silent(Duration),
    /// QEMU cannot open the disk.
    #[error("{0}")]
    Refused(String),
    /// The image wants to have other files opened.
    #[error(
        "the image refers to other files, whose bytes would become part of the disk; \
         make one image of them (qemu-img convert)"
    )]
    References,
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Says what was being done when the system refused.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, ExportError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, doing: &'static str) -> Result<T, ExportError> {
        self.map_err(|error| ExportError::System {
            doing,
            error: error.into(),
        })
    }
}
