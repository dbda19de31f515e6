//! A role's own side: its job, its descriptors, and its word to the host.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use serde::Serialize;
use serde::de::DeserializeOwned;
use snf_image_sandbox::{Calls, restrict_system_calls};

use super::lines::Lines;

/// The confined process as the role sees it.
#[derive(Debug)]
pub struct Inside {
    channel: UnixStream,
    descriptors: std::vec::IntoIter<OwnedFd>,
}

impl Inside {
    /// Takes over what the host passed.
    ///
    /// # Errors
    /// When this process was not started by [`Process`](super::Process).
    pub fn enter() -> io::Result<Self> {
        let mut descriptors = snf_image_sandbox::passed().into_iter();
        let channel = descriptors.next().ok_or(io::ErrorKind::NotConnected)?;
        Ok(Inside {
            channel: UnixStream::from(channel),
            descriptors,
        })
    }

    /// Gives up the system calls that the job does not need, then reads the job: nothing of
    /// it is looked at before.
    ///
    /// # Errors
    /// When the kernel has no seccomp filters, or the host is gone.
    pub fn job<J: DeserializeOwned>(&mut self, calls: Calls) -> io::Result<J> {
        restrict_system_calls(calls).map_err(io::Error::other)?;
        let mut lines = Lines::default();
        loop {
            if let Some(line) = lines.next_line()? {
                return Ok(serde_json::from_slice(&line)?);
            }
            if !lines.fill(&self.channel)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The next of the passed descriptors, in the order in which the host gave them.
    ///
    /// # Errors
    /// When there are no more.
    pub fn descriptor(&mut self) -> io::Result<OwnedFd> {
        self.descriptors
            .next()
            .ok_or_else(|| io::Error::other("a descriptor is missing"))
    }

    /// All that is left of them.
    pub fn rest(&mut self) -> Vec<OwnedFd> {
        self.descriptors.by_ref().collect()
    }

    /// Another handle for reports, for another thread. Reports are sent whole.
    ///
    /// # Errors
    /// When descriptors have run out.
    pub fn reporter(&self) -> io::Result<Reporter> {
        Ok(Reporter(self.channel.try_clone()?))
    }
}

/// Tells the host something.
#[derive(Debug)]
pub struct Reporter(UnixStream);

impl Reporter {
    /// Sends one report.
    ///
    /// # Errors
    /// When the host is gone.
    pub fn report<R: Serialize>(&self, report: &R) -> io::Result<()> {
        let mut line = serde_json::to_vec(report)?;
        line.push(b'\n');
        (&self.0).write_all(&line)
    }
}
