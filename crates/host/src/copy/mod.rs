//! The copy: an image's bytes become a target's, in a confined process of its own.
//!
//! The process gets the open image and the open target and nothing else: no name can be
//! opened in it, no connection made. The host process interprets not one byte of an image.
// SPDX-License-Identifier: BSD-2-Clause

mod ahead;
mod engine;
mod error;
mod incoming;
mod plan;
mod prepare;
mod prepared;
mod reflink;
mod report;
mod role;
mod work;

pub use engine::copy;
pub use error::CopyError;
pub use prepared::{Prepared, measure, prepare};
pub use report::{Copied, Rest};
pub(crate) use role::serve;

use std::io;
use std::os::fd::OwnedFd;

use snf_image_sandbox::{Limits, User};

use crate::cancel::Cancel;
use crate::exporter::{ExportError, Exporter};
use crate::format::{Format, MbrError, boot_code};
use crate::role::{Needs, Process, Role, RoleError};
use crate::source::{Input, Producer, ProducerError};
use crate::target::Target;
use report::{InputKind, Job, Report, Task};

/// The most memory that a copy may take, in bytes: what the greediest compression is allowed,
/// and the buffers.
const MEMORY: u64 = 512 << 20;

/// How many connections there are to what reads an image: as many as there are writers.
const CONNECTIONS: usize = 4;

/// The most processor time, in seconds: a terabyte of the slowest compression.
const PROCESSOR_SECONDS: u64 = 12 * 3600;

/// Why an image is not on its target.
#[derive(Debug, thiserror::Error)]
pub enum CopyFailure {
    /// The process that copies.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// What comes before a dump of a file system.
    #[error(transparent)]
    BootCode(#[from] MbrError),
    /// QEMU cannot read the image, or does not come up.
    #[error("reading the image by QEMU: {0}")]
    Export(#[from] ExportError),
    /// A descriptor could not be duplicated.
    #[error("duplicating a descriptor for the copy: {0}")]
    Descriptor(#[from] io::Error),
    /// The copy itself.
    #[error("{reason}")]
    Failed {
        /// Why, in one line.
        reason: String,
        /// Whether nothing had been written yet: the image or its fit was at fault.
        untouched: bool,
    },
    /// Who sends the image has not sent all of it.
    #[error(transparent)]
    Producer(ProducerError),
}

impl CopyFailure {
    /// Whether some of the image may be on the target, once the copy had begun.
    #[must_use]
    pub fn is_on_target(&self) -> bool {
        !matches!(
            self,
            CopyFailure::Export(_)
                | CopyFailure::Failed {
                    untouched: true,
                    ..
                }
        )
    }
}

/// How an image is copied.
#[derive(Debug)]
pub struct Order {
    /// What the image is.
    pub format: Format,
    /// What reads an image of a format that only QEMU reads; see [`prepare`].
    pub exporter: Option<Exporter>,
}

fn boot_code_for(format: Format) -> Result<Vec<u8>, MbrError> {
    match format.file_system() {
        Some(_) => boot_code(),
        None => Ok(Vec::new()),
    }
}

/// `file_size` is the length in bytes to which the process may bring a file, where it is known.
fn needs(file_size: Option<u64>) -> Needs {
    Needs {
        limits: Limits {
            memory: Some(MEMORY),
            processor_seconds: Some(PROCESSOR_SECONDS),
            file_size,
        },
        ..Needs::default()
    }
}

/// A copy under way.
#[derive(Debug)]
pub struct Copying {
    process: Process,
    producer: Option<Box<dyn Producer>>,
    name: String,
    /// What reads the image, as long as it is read.
    _exporter: Option<Exporter>,
}

impl Copying {
    /// Starts the process that copies `input` onto `target` according to `order`. It runs as
    /// `user`. Whether the target was touched shows when it has ended.
    ///
    /// # Errors
    /// When the process does not come up.
    pub fn start(
        input: Input,
        order: Order,
        target: &Target,
        user: &User,
    ) -> Result<Self, CopyFailure> {
        let task = Task::Copy(target.disk().facts().clone());
        let descriptors = target.for_copy()?;
        Self::begin(input, order, task, descriptors, user)
    }

    /// Starts a process for one of its tasks, for which it may get descriptors besides.
    fn begin(
        input: Input,
        order: Order,
        task: Task,
        besides: Vec<OwnedFd>,
        user: &User,
    ) -> Result<Self, CopyFailure> {
        let name = input.name();
        let (kind, image, producer) = match input {
            Input::File(source) => (InputKind::File, source.reader().try_clone()?, None),
            Input::Stream(stream) => {
                let kind = InputKind::Stream {
                    length: stream.length,
                    patience: stream.patience.map(|patience| patience.as_secs()),
                };
                (kind, stream.bytes, Some(stream.producer))
            }
        };
        let file_size = match &task {
            Task::Copy(_) => None,
            Task::Prepare { spool } => Some(spool.unwrap_or(0)),
        };
        let mut descriptors = vec![image.into()];
        let mut export = None;
        if let Some(exporter) = &order.exporter {
            for _ in 0..CONNECTIONS {
                descriptors.push(exporter.connect()?);
            }
            export = Some(exporter.patience());
        }
        descriptors.extend(besides);
        let job = Job {
            input: kind,
            name: name.clone(),
            format: order.format,
            export,
            boot_code: boot_code_for(order.format)?,
            task,
        };
        let process = Process::start(Role::Copy, user, needs(file_size), &job, descriptors)?;
        Ok(Copying {
            process,
            producer,
            name,
            _exporter: order.exporter,
        })
    }

    /// Waits until the copy has ended. `progress` is told the position and the total now and
    /// then, in bytes.
    ///
    /// # Errors
    /// When it failed, or `cancel` was called. The target's content is undefined then.
    pub fn finish(
        mut self,
        progress: &mut dyn FnMut(u64, u64),
        cancel: &Cancel,
    ) -> Result<Copied, CopyFailure> {
        loop {
            if let Report::Done(copied) = self.report(progress, cancel)? {
                return Ok(copied);
            }
        }
    }

    /// The last that the process says, after all that it had to do was done.
    fn report(
        &mut self,
        progress: &mut dyn FnMut(u64, u64),
        cancel: &Cancel,
    ) -> Result<Report, CopyFailure> {
        loop {
            match self.process.next(cancel, None)? {
                Report::Progress { position, total } => progress(position, total),
                Report::Failed {
                    reason,
                    untouched,
                    ended,
                } => {
                    // What was cut short on its way is no fault of the image.
                    if ended {
                        self.check_sent(cancel)?;
                    }
                    return Err(CopyFailure::Failed { reason, untouched });
                }
                done => {
                    self.check_sent(cancel)?;
                    return Ok(done);
                }
            }
        }
    }

    /// Asks who sent the image, where somebody did.
    fn check_sent(&mut self, cancel: &Cancel) -> Result<(), CopyFailure> {
        match self.producer.take() {
            Some(producer) => producer.finish(cancel).map_err(CopyFailure::Producer),
            None => Ok(()),
        }
    }
}
