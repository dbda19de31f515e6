//! What can go wrong while a program is being confined.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;

/// A barrier that could not be put up, so that the program was not started.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// A system call failed.
    #[error("{doing}: {error}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// The program itself could not be executed.
    #[error("cannot execute {program}: {error}")]
    Execute {
        /// Its path.
        program: String,
        /// What the system said.
        error: io::Error,
    },
    /// Somebody asked for root.
    #[error("refusing to run a confined program as root")]
    Root,
    /// The other side sent something else than agreed.
    #[error("the {0} is not valid")]
    Message(&'static str),
    /// The other side ended before its time.
    #[error("the {0} ended before the program was started")]
    Gone(&'static str),
    /// A descriptor did not get its number.
    #[error("descriptor {0} is taken")]
    Taken(i32),
    /// What the confined process said about its own failure.
    #[error("{0}")]
    Reported(String),
}

/// Why a confined program did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The launcher could not be started.
    #[error("cannot start the launcher {program}: {error}")]
    Launcher {
        /// Its executable.
        program: String,
        /// What the system said.
        error: io::Error,
    },
    /// The conversation with the launcher broke.
    #[error("cannot talk to the launcher: {0}")]
    Talk(io::Error),
    /// The launcher gave no answer in time.
    #[error("the launcher did not answer within 10 seconds")]
    Silent,
    /// A barrier could not be put up, or the program could not be executed.
    #[error("cannot run {program} confined: {reason}")]
    Refused {
        /// The program.
        program: String,
        /// In the launcher's words.
        reason: String,
    },
    /// A program that is not confined could not be executed; in the launcher's words.
    #[error("{0}")]
    NotRun(String),
}

/// Names what was being done when a system call failed.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, ConfineError>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, doing: &'static str) -> Result<T, ConfineError> {
        self.map_err(|error| ConfineError::System {
            doing,
            error: error.into(),
        })
    }
}
