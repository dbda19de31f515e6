//! A program that keeps the caller's rights, and ends with it, as does all that it started.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::confined::{Confined, Launcher, Streams};
use crate::error::StartError;
use crate::wire::ToRun;

/// How long a program may take to end once it was asked to.
const PATIENCE: Duration = Duration::from_secs(2);

/// A program of the administrator's, and all that it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its executable, absolute.
    pub path: PathBuf,
    /// Its arguments, without its name.
    pub arguments: Vec<String>,
    /// Variables of its environment beside `PATH` and `LC_ALL`, which they may replace.
    pub environment: Vec<(String, String)>,
}

/// Such a program while it runs. It may reach all that its caller may; what it does not get
/// are the caller's descriptors, environment, terminal and signals. Dropping it ends it.
#[derive(Debug)]
pub struct Attended(Confined);

impl Attended {
    /// Starts a program. Its standard input is empty. The write ends of `streams` are closed
    /// when it and all that it started have ended.
    ///
    /// # Errors
    /// When the launcher cannot be started, or the program cannot be executed.
    pub fn start(
        launcher: &Launcher,
        program: &Program,
        streams: Streams,
    ) -> Result<Self, StartError> {
        let to_run = ToRun::Attended(program.clone());
        Confined::launch(launcher, &to_run, &[], streams).map(Attended)
    }

    /// Waits until the program has ended, or the time is over (none). Whatever of its children
    /// was left has been killed by then.
    ///
    /// # Errors
    /// When the launcher ended without saying how the program did.
    pub fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        self.0.wait(limit)
    }
}

/// Readable, for poll(2), when [`Attended::wait`] will not block.
impl AsFd for Attended {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// SIGTERM to the program and its process group, and 2 s later SIGKILL to whatever is left.
impl Drop for Attended {
    fn drop(&mut self) {
        self.0.terminate();
        // Whatever comes of it, the handle within kills what is left.
        let _ = self.0.wait(PATIENCE);
    }
}
