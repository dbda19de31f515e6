//! The host's handle on a process that has a role.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use serde::de::DeserializeOwned;
use snf_image_sandbox::{Confined, Descriptors, Limits, Spec, StartError, Streams, User};

use super::Role;
use super::lines::Lines;
use crate::cancel::Cancel;

/// How long a process may take to end once it has said its last word.
const END_LIMIT: Duration = Duration::from_secs(5);

/// Where this executable's own libraries lie.
pub(crate) const LIBRARIES: [&str; 4] = ["/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache"];

/// What a role needs beside its descriptors.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Whether it speaks to the network.
    pub network: bool,
    /// Files and directories that it may read.
    pub readable: Vec<PathBuf>,
    /// What it may use up.
    pub limits: Limits,
}

/// Why a role's process did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// It did not come up.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The conversation with it broke.
    #[error("talking to the confined process {name}: {error}")]
    Talk {
        /// Its name.
        name: &'static str,
        /// Why.
        error: io::Error,
    },
    /// It ended before it had said how the job went.
    #[error("the confined process {name} broke down ({how}); please report this as a bug")]
    Broken {
        /// Its name.
        name: &'static str,
        /// How it ended.
        how: String,
    },
    /// It was silent for too long.
    #[error("the confined process {0} gave no answer in time")]
    Silent(&'static str),
    /// Somebody asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// A running role. Dropping it kills the process and waits until it is gone.
#[derive(Debug)]
pub struct Process {
    role: Role,
    confined: Confined,
    channel: UnixStream,
    lines: Lines,
}

impl Process {
    /// Starts this executable in a role and gives it its job.
    ///
    /// # Errors
    /// See [`RoleError`]. Nothing is left running then.
    pub fn start<J: Serialize>(
        role: Role,
        user: &User,
        needs: Needs,
        job: &J,
        descriptors: Vec<OwnedFd>,
    ) -> Result<Self, RoleError> {
        let talk = |error| RoleError::Talk {
            name: role.name(),
            error,
        };
        let (channel, theirs) = UnixStream::pair().map_err(talk)?;
        let mut passed = Descriptors::default();
        passed.add(theirs.into());
        for descriptor in descriptors {
            passed.add(descriptor);
        }
        let launcher = super::launcher();
        let mut readable = needs.readable;
        readable.extend(LIBRARIES.map(PathBuf::from));
        readable.push(launcher.program.clone());
        let spec = Spec {
            user: user.clone(),
            program: launcher.program.clone(),
            name: Some(role.name().into()),
            arguments: Vec::new(),
            readable,
            writable: Vec::new(),
            network: needs.network,
            own_places: false,
            limits: needs.limits,
        };
        let streams = Streams {
            stdout: Stdio::null(),
            stderr: Stdio::null(),
        };
        let confined = Confined::start(&launcher, &spec, &passed, streams)?;
        drop(passed);
        for note in confined.notes() {
            tracing::warn!("{} runs with a barrier less: {note}", role.name());
        }
        let mut line = serde_json::to_vec(job).map_err(|error| talk(error.into()))?;
        line.push(b'\n');
        (&channel).write_all(&line).map_err(talk)?;
        Ok(Process {
            role,
            confined,
            channel,
            lines: Lines::default(),
        })
    }

    /// Waits for the next report.
    ///
    /// # Errors
    /// When the process ended without one, `limit` is over, or `cancel` is called.
    pub fn next<R: DeserializeOwned>(
        &mut self,
        cancel: &Cancel,
        limit: Option<Duration>,
    ) -> Result<R, RoleError> {
        let name = self.role.name();
        let talk = |error| RoleError::Talk { name, error };
        let deadline = limit.map(|limit| Instant::now() + limit);
        loop {
            // What is said without end, or piece by piece, must not outlast a wish or the limit.
            if cancel.is_cancelled() {
                return Err(RoleError::Cancelled);
            }
            if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                return Err(RoleError::Silent(name));
            }
            if let Some(line) = self.lines.next_line().map_err(talk)? {
                return serde_json::from_slice(&line).map_err(|error| talk(error.into()));
            }
            self.await_more(cancel, deadline)?;
            if !self.lines.fill(&self.channel).map_err(talk)? {
                return Err(self.broken());
            }
        }
    }

    fn await_more(&self, cancel: &Cancel, deadline: Option<Instant>) -> Result<(), RoleError> {
        let name = self.role.name();
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let mut watched = [
                PollFd::from_borrowed_fd(self.channel.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(cancel.as_fd(), PollFlags::IN),
            ];
            match poll(&mut watched, left.as_ref()) {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    let error = error.into();
                    return Err(RoleError::Talk { name, error });
                }
                Ok(0) => return Err(RoleError::Silent(name)),
                Ok(_) if cancel.is_cancelled() => return Err(RoleError::Cancelled),
                Ok(_) => return Ok(()),
            }
        }
    }

    fn broken(&mut self) -> RoleError {
        let how = match self.confined.wait(END_LIMIT) {
            Ok(Some(status)) => how_it_ended(status),
            Ok(None) => "it closed its channel".into(),
            Err(error) => error.to_string(),
        };
        RoleError::Broken {
            name: self.role.name(),
            how,
        }
    }
}

/// How a process ended, in the words of a message.
pub(crate) fn how_it_ended(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!(
            "killed by {}",
            signal_hook::low_level::signal_name(signal).unwrap_or("a signal")
        ),
        (None, code) => format!("exit code {}", code.unwrap_or_default()),
    }
}
