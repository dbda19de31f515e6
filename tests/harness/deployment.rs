//! A command at work: its output as it comes, signals to it, and an end within bounds.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::Outcome;

/// How long anything that these tests start may take.
pub const LIMIT: Duration = Duration::from_secs(90);

/// A running command. Dropping it kills it.
#[derive(Debug)]
pub struct Deployment {
    child: Child,
    handle: OwnedFd,
    lines: Receiver<String>,
    read: Vec<String>,
    errors: Option<JoinHandle<String>>,
}

impl Deployment {
    /// Starts a command.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        let stdout = child.stdout.take().context("a pipe")?;
        let mut stderr = child.stderr.take().context("a pipe")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        let errors = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Ok(Deployment {
            handle: pidfd_open(pid(&child)?, PidfdFlags::empty())?,
            child,
            lines,
            read: Vec::new(),
            errors: Some(errors),
        })
    }

    /// The process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on its standard output that contains this text.
    ///
    /// # Errors
    /// When it ends or [`LIMIT`] is over before.
    pub fn wait_for_line(&mut self, text: &str) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.read.push(line);
                    if self.read.last().is_some_and(|line| line.contains(text)) {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("no line with {text:?}: {:?}", self.read),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("it ended without a line with {text:?}: {:?}", self.read)
                }
            }
        }
    }

    /// Sends it a signal. One that has ended meanwhile gets none.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn send(&self, signal: Signal) -> Result<()> {
        match kill_process(pid(&self.child)?, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(errno) => Err(errno).context("sending a signal"),
        }
    }

    /// Whether it is still there after this time.
    ///
    /// # Errors
    /// When the system gives no answer.
    pub fn runs_after(&self, time: Duration) -> Result<bool> {
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut watched = [PollFd::new(&self.handle, PollFlags::IN)];
            match poll(&mut watched, Some(&Timespec::try_from(left)?)) {
                Ok(ended) => return Ok(ended == 0),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno).context("waiting for a command"),
            }
        }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end within [`LIMIT`].
    pub fn end(mut self) -> Result<Outcome> {
        if self.runs_after(LIMIT)? {
            bail!("it did not end within {LIMIT:?}; it said {:?}", self.read);
        }
        let code = self.child.wait()?.code();
        let mut lines = std::mem::take(&mut self.read);
        lines.extend(self.lines.iter());
        let errors = self.errors.take().map(JoinHandle::join);
        Ok(Outcome {
            code,
            stdout: lines.iter().map(|line| format!("{line}\n")).collect(),
            stderr: errors.and_then(Result::ok).unwrap_or_default(),
        })
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pid(child: &Child) -> Result<Pid> {
    let id = i32::try_from(child.id())?;
    Pid::from_raw(id).context("a process without a number")
}
