//! Why a task failed.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;

use snf_image_protocol::PropertyError;

/// The result of anything that can fail a task.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure that ends the deployment. Its text is what the administrator reads: it says
/// what was wrong, where, and what to do, and never shows a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image is not as it has to be, or was asked for something it cannot give.
    #[error("{0}")]
    Image(String),
    /// The system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done and to what, as a gerund: `reading /etc/shadow of the image`.
        doing: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A program of the helper failed.
    #[error("{program} failed with {status}{}", last_line(.stderr))]
    Program {
        /// Its name.
        program: String,
        /// How it ended.
        status: String,
        /// The last lines of its standard error, at most ten.
        stderr: Vec<String>,
    },
}

impl Error {
    /// A fault of the image.
    pub fn image(text: impl Into<String>) -> Self {
        Error::Image(text.into())
    }
}

impl From<PropertyError> for Error {
    fn from(error: PropertyError) -> Self {
        Error::Image(error.to_string())
    }
}

/// Says what was being done when the system refused.
pub trait Doing<T> {
    /// Turns the system's error into a task's error.
    ///
    /// # Errors
    /// The error that was there already, with `doing` in front.
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<io::Error>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Io {
            doing: doing(),
            source: source.into(),
        })
    }
}

fn last_line(stderr: &[String]) -> String {
    stderr
        .last()
        .map(|line| format!(": {line}"))
        .unwrap_or_default()
}
