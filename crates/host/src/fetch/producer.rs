//! The host's side of a download.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use snf_image_sandbox::{Limits, User};

use super::location::Location;
use super::options::Options;
use super::report::{Job, Report};
use crate::cancel::Cancel;
use crate::role::{Needs, Process, Role, RoleError};
use crate::source::{Producer, ProducerError, Stream};

/// What the C library reads to look up names, and where the authorities' certificates are.
const READABLE: [&str; 9] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/run/systemd/resolve",
    "/etc/ssl",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
];

/// The most memory that a download may take, in bytes.
const MEMORY: u64 = 512 << 20;

/// The most processor time, in seconds: terabytes of TLS.
const PROCESSOR_SECONDS: u64 = 12 * 3600;

/// How long the process may take to say how it went, once its pipe is closed.
const LAST_WORD: Duration = Duration::from_secs(30);

/// How much a pipe holds, in bytes: enough for a server and a disk that work in turns.
const PIPE: usize = 1 << 20;

/// Why nothing is fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The process that fetches.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// No pipe could be made.
    #[error("making a pipe for a download: {0}")]
    Pipe(#[from] io::Error),
    /// The server, or the way to it.
    #[error("fetching {url}: {reason}")]
    Failed {
        /// Without its secrets.
        url: String,
        /// Why, in one line.
        reason: String,
    },
}

/// Starts the download of an image by a process that runs as `user`, and waits until it begins to
/// come.
///
/// # Errors
/// When the process does not come up, the server sends no image, or `cancel` is called.
pub fn start(
    location: impl Into<Location>,
    options: &Options,
    user: &User,
    cancel: &Cancel,
) -> Result<Stream, FetchError> {
    let location = location.into();
    let url = location.name.clone();
    match start_unless(None, location, options, user, cancel)? {
        Found::Stream { stream, .. } => Ok(stream),
        Found::Unchanged => Err(FetchError::Failed {
            url,
            reason: "the server says that nothing has changed".into(),
        }),
    }
}

/// What a server has.
#[derive(Debug)]
pub enum Found {
    /// An image.
    Stream {
        /// Its bytes.
        stream: Stream,
        /// What the server calls this very image (a strong ETag), if it does.
        validator: Option<String>,
    },
    /// The image that was known already.
    Unchanged,
}

/// The same, unless the server still has the image of this validator.
///
/// # Errors
/// As for [`start`].
pub fn start_unless(
    validator: Option<&str>,
    location: impl Into<Location>,
    options: &Options,
    user: &User,
    cancel: &Cancel,
) -> Result<Found, FetchError> {
    let (reader, writer) = io::pipe()?;
    // A smaller one is as right, and a little slower.
    let _ = rustix::pipe::fcntl_setpipe_size(&writer, PIPE);
    let location = location.into();
    let name = location.name.clone();
    let job = Job {
        location,
        options: options.clone(),
        unless: validator.map(str::to_owned),
    };
    let needs = Needs {
        network: true,
        readable: READABLE.map(PathBuf::from).into(),
        limits: Limits {
            memory: Some(MEMORY),
            processor_seconds: Some(PROCESSOR_SECONDS),
            ..Limits::default()
        },
    };
    let mut process = Process::start(Role::Fetch, user, needs, &job, vec![writer.into()])?;
    // The process bounds every step itself.
    let reason = match process.next(cancel, None)? {
        Report::Begun { length, validator } => {
            let stream = Stream {
                bytes: File::from(OwnedFd::from(reader)),
                name: name.clone(),
                length,
                patience: None,
                producer: Box::new(Download { process, url: name }),
            };
            return Ok(Found::Stream { stream, validator });
        }
        Report::Unchanged => return Ok(Found::Unchanged),
        Report::Failed { reason } => reason,
        Report::Done => "it ended before it began".into(),
    };
    Err(FetchError::Failed { url: name, reason })
}

/// A download under way.
#[derive(Debug)]
struct Download {
    process: Process,
    url: String,
}

impl Producer for Download {
    fn finish(mut self: Box<Self>, cancel: &Cancel) -> Result<(), ProducerError> {
        let failed = |reason: String| {
            let url = &self.url;
            ProducerError::Failed(format!("fetching {url}: {reason}"))
        };
        match self.process.next(cancel, Some(LAST_WORD)) {
            Ok(Report::Done) => Ok(()),
            Ok(Report::Failed { reason }) => Err(failed(reason)),
            Ok(Report::Begun { .. } | Report::Unchanged) => Err(failed("it began twice".into())),
            Err(RoleError::Cancelled) => Err(ProducerError::Cancelled),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}
