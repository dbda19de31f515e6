//! A back-end's short answers: whether it knows an image, and how large that is.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use snf_image_sandbox::{Attended, Streams};

use super::directory::Backend;
use super::error::BackendError;
use super::lines::Lines;
use super::run;
use crate::cancel::Cancel;
use crate::role::how_it_ended;

/// The longest answer, in bytes: `yes`, `no`, or a number.
const LONGEST: u64 = 256;

/// Asks a back-end with one option about an image, and gives what it answers, without blanks around.
///
/// # Errors
/// When it fails, says more than 256 bytes, takes longer than `limit`, or `cancel` is called.
pub(super) fn ask(
    backend: &Backend,
    option: &str,
    id: &str,
    limit: Duration,
    cancel: &Cancel,
) -> Result<String, BackendError> {
    let deadline = Instant::now() + limit;
    let failed = |error: io::Error| backend.failed(error);
    let (output, stdout) = io::pipe().map_err(failed)?;
    let (errors, stderr) = io::pipe().map_err(failed)?;
    let streams = Streams {
        stdout: stdout.into(),
        stderr: stderr.into(),
    };
    let mut running = run(backend, &[option, id], streams)?;
    let lines = Lines::read(errors, &backend.name).map_err(failed)?;
    let answer = read(output, deadline, cancel).map_err(|reason| match reason {
        Reason::Cancelled => BackendError::Cancelled,
        Reason::Late => backend.failed(format!(
            "{option} was not answered within {} s (BACKENDS_TIMEOUT)",
            limit.as_secs()
        )),
        Reason::Long => backend.failed(format!("{option} was answered with too much")),
        Reason::Io(error) => backend.failed(error),
    })?;
    let status = end(&mut running, deadline, cancel, backend)?;
    if !status.success() {
        let words = ending(status, lines.last());
        return Err(backend.failed(format!("{option}: {words}")));
    }
    Ok(String::from_utf8_lossy(&answer).trim().to_owned())
}

/// How it ended, and its last words.
pub(super) fn ending(status: ExitStatus, last: Option<String>) -> String {
    let how = how_it_ended(status);
    match last {
        Some(last) => format!("{how}: {last}"),
        None => how,
    }
}

/// Waits for the end of a back-end whose output has ended.
pub(super) fn end(
    running: &mut Attended,
    deadline: Instant,
    cancel: &Cancel,
    backend: &Backend,
) -> Result<ExitStatus, BackendError> {
    let awaited = await_one(running.as_fd(), deadline, cancel);
    match awaited {
        Ok(()) => {}
        Err(Reason::Cancelled) => return Err(BackendError::Cancelled),
        Err(_) => return Err(backend.failed("it does not end")),
    }
    match running.wait(Duration::ZERO) {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err(backend.failed("it does not end")),
        Err(error) => Err(backend.failed(error)),
    }
}

enum Reason {
    Cancelled,
    Late,
    Long,
    Io(io::Error),
}

fn read(mut pipe: PipeReader, deadline: Instant, cancel: &Cancel) -> Result<Vec<u8>, Reason> {
    let mut answer = Vec::new();
    let mut bytes = [0; 256];
    loop {
        await_one(pipe.as_fd(), deadline, cancel)?;
        match pipe.read(&mut bytes) {
            Ok(0) => return Ok(answer),
            Ok(count) => answer.extend_from_slice(bytes.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Reason::Io(error)),
        }
        if u64::try_from(answer.len()).is_ok_and(|length| length > LONGEST) {
            return Err(Reason::Long);
        }
    }
}

fn await_one(descriptor: BorrowedFd<'_>, deadline: Instant, cancel: &Cancel) -> Result<(), Reason> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).ok();
        let mut watched = [
            PollFd::from_borrowed_fd(descriptor, PollFlags::IN),
            PollFd::from_borrowed_fd(cancel.as_fd(), PollFlags::IN),
        ];
        match poll(&mut watched, left.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Reason::Io(error.into())),
            Ok(_) if cancel.is_cancelled() => return Err(Reason::Cancelled),
            Ok(0) => return Err(Reason::Late),
            Ok(_) => return Ok(()),
        }
    }
}
