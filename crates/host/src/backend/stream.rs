//! The bytes of an image as a back-end sends them.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use snf_image_sandbox::{Attended, Streams};

use super::answer::{end, ending};
use super::directory::{Backend, Place};
use super::error::BackendError;
use super::lines::Lines;
use super::run;
use super::select::{select, size};
use crate::cancel::Cancel;
use crate::source::{ExternalId, Producer, ProducerError, Stream};

/// How much a pipe holds, in bytes.
const PIPE: usize = 1 << 20;

/// How long the end of a back-end may take to be told, once its output has ended with it.
const LAST_WORD: Duration = Duration::from_secs(30);

/// Finds the back-end that knows an image, and has it send that.
///
/// # Errors
/// When there is none, it fails to say how large the image is, or `cancel` is called.
pub fn start(id: &ExternalId, place: &Place, cancel: &Cancel) -> Result<Stream, BackendError> {
    let backend = select(id, place, cancel)?;
    let length = size(&backend, id, place, cancel)?;
    tracing::info!("back-end {} sends {length} bytes", backend.name);
    let failed = |error: io::Error| backend.failed(error);
    let (bytes, stdout) = io::pipe().map_err(failed)?;
    // A smaller one is as right, and a little slower.
    let _ = rustix::pipe::fcntl_setpipe_size(&stdout, PIPE);
    let (errors, stderr) = io::pipe().map_err(failed)?;
    let streams = Streams {
        stdout: stdout.into(),
        stderr: stderr.into(),
    };
    let running = run(&backend, &[id.expose()], streams)?;
    let lines = Lines::read(errors, &backend.name).map_err(failed)?;
    Ok(Stream {
        bytes: File::from(OwnedFd::from(bytes)),
        name: format!("{id} (back-end {})", backend.name),
        length: Some(length),
        patience: Some(place.patience),
        producer: Box::new(Sender {
            running,
            lines,
            backend,
        }),
    })
}

/// A back-end at work.
#[derive(Debug)]
struct Sender {
    running: Attended,
    lines: Lines,
    backend: Backend,
}

impl Producer for Sender {
    fn finish(mut self: Box<Self>, cancel: &Cancel) -> Result<(), ProducerError> {
        let deadline = Instant::now() + LAST_WORD;
        match end(&mut self.running, deadline, cancel, &self.backend) {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => {
                let words = ending(status, self.lines.last());
                let error = self.backend.failed(words);
                Err(ProducerError::Failed(error.to_string()))
            }
            Err(BackendError::Cancelled) => Err(ProducerError::Cancelled),
            Err(error) => Err(ProducerError::Failed(error.to_string())),
        }
    }
}
