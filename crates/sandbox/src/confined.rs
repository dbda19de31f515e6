//! The host's handle on a confined program.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::StartError;
use crate::wire::{self, KILL, Message, TERMINATE, ToRun};
use crate::{Descriptors, Spec, launcher};

/// How long the launcher may take to put up all barriers.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long a killed program may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(2);

/// Which executable becomes the launcher.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// Its path. It must call [`launcher::main`] when its argv\[0\] is [`launcher::NAME`].
    pub program: PathBuf,
}

/// This very executable, even when its file has been replaced meanwhile.
impl Default for Launcher {
    fn default() -> Self {
        Launcher {
            program: "/proc/self/exe".into(),
        }
    }
}

/// Where the program's output goes. Its input is always empty.
#[derive(Debug)]
pub struct Streams {
    /// Standard output.
    pub stdout: Stdio,
    /// Standard error.
    pub stderr: Stdio,
}

/// A running confined program. Dropping it kills the program and waits until it is gone.
#[derive(Debug)]
pub struct Confined {
    control: OwnedFd,
    launcher: Child,
    notes: Vec<String>,
    status: Option<ExitStatus>,
}

impl Confined {
    /// Starts a program behind all barriers of [`Spec`].
    ///
    /// # Errors
    /// When the launcher cannot be started, a mandatory barrier cannot be put up or the
    /// program cannot be executed. Nothing is left running then.
    pub fn start(
        launcher: &Launcher,
        spec: &Spec,
        descriptors: &Descriptors,
        streams: Streams,
    ) -> Result<Self, StartError> {
        let to_run = ToRun::Confined(spec.clone());
        Self::launch(launcher, &to_run, &descriptors.borrowed(), streams)
    }

    /// Starts the launcher and has it run something.
    pub(crate) fn launch(
        launcher: &Launcher,
        to_run: &ToRun,
        descriptors: &[BorrowedFd<'_>],
        streams: Streams,
    ) -> Result<Self, StartError> {
        let (control, theirs) = wire::pair().map_err(StartError::Talk)?;
        let child = Command::new(&launcher.program)
            .arg0(OsString::from(launcher::NAME))
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(streams.stdout)
            .stderr(streams.stderr)
            .spawn()
            .map_err(|error| StartError::Launcher {
                program: launcher.program.display().to_string(),
                error,
            })?;
        let mut confined = Confined {
            control,
            launcher: child,
            notes: Vec::new(),
            status: None,
        };
        let message = serde_json::to_vec(to_run).map_err(|error| StartError::Talk(error.into()))?;
        wire::send(&confined.control, &message, descriptors).map_err(StartError::Talk)?;
        confined.notes = confined.await_start(to_run)?;
        Ok(confined)
    }

    fn await_start(&self, to_run: &ToRun) -> Result<Vec<String>, StartError> {
        let refused = |reason: &str| match to_run {
            ToRun::Confined(spec) => StartError::Refused {
                program: spec.program.display().to_string(),
                reason: reason.into(),
            },
            ToRun::Attended(_) => StartError::NotRun(reason.into()),
        };
        if !self.is_readable(START_LIMIT).map_err(StartError::Talk)? {
            return Err(StartError::Silent);
        }
        match wire::hear(&self.control).map_err(StartError::Talk)? {
            Some(Message::Started { notes }) => Ok(notes),
            Some(Message::Failed { reason }) => Err(refused(&reason)),
            Some(Message::Ended { .. }) | None => Err(refused("the launcher ended at once")),
        }
    }

    /// The barriers that this machine's kernel does not offer, for the log.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Sends SIGTERM. A program without a handler for it ignores it, because it is the first
    /// process of its namespace; [`Confined::kill`] always works.
    pub fn terminate(&self) {
        self.order(TERMINATE);
    }

    /// Sends SIGKILL, to the program and to all that it started.
    pub fn kill(&self) {
        self.order(KILL);
    }

    fn order(&self, order: u8) {
        // Fails only when the launcher is gone, and then the program is too.
        let _ = wire::send(&self.control, &[order], &[]);
    }

    /// Waits until the program has ended, or the time is over (none).
    ///
    /// # Errors
    /// When the launcher ended without saying how the program did; it is dead then too.
    pub fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        if self.status.is_some() {
            return Ok(self.status);
        }
        if !self.is_readable(limit)? {
            return Ok(None);
        }
        let message = wire::hear(&self.control);
        self.launcher.wait()?;
        match message? {
            Some(Message::Ended { status }) => {
                self.status = Some(ExitStatus::from_raw(status));
                Ok(self.status)
            }
            Some(Message::Failed { reason }) => Err(io::Error::other(reason)),
            _ => Err(io::Error::other("the launcher was killed")),
        }
    }

    fn is_readable(&self, limit: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
            let mut watched = [PollFd::new(&self.control, PollFlags::IN)];
            match poll(&mut watched, Some(&left)) {
                Ok(count) => return Ok(count > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Readable, for poll(2), when [`Confined::wait`] will not block.
impl AsFd for Confined {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        if self.status.is_some() {
            return;
        }
        self.kill();
        if !matches!(self.wait(END_LIMIT), Ok(Some(_))) {
            // Takes the program along by its parent-death signal.
            let _ = self.launcher.kill();
            let _ = self.launcher.wait();
        }
    }
}
