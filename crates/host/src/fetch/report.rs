//! What the host tells the fetching process to do, and what it hears from it.
// SPDX-License-Identifier: BSD-2-Clause

use serde::{Deserialize, Serialize};

use super::location::Location;
use super::options::Options;

/// One download. Beside it goes the end of the pipe to write to.
#[derive(Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) location: Location,
    pub(super) options: Options,
    /// The validator of an image that need not be sent again.
    pub(super) unless: Option<String>,
}

/// What the process says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// The server sends an image, of this many bytes where it says so.
    Begun {
        length: Option<u64>,
        /// What the server calls this very image.
        validator: Option<String>,
    },
    /// The server still has the image that is known.
    Unchanged,
    /// All of it was written.
    Done,
    /// Not all of it was, and this is why.
    Failed { reason: String },
}
