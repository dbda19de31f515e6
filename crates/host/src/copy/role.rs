//! The copy's own, confined process: whatever interprets an image's bytes happens in here.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::CONNECTIONS;
use super::engine;
use super::error::CopyError;
use super::incoming::{Ended, Incoming};
use super::prepare::prepare;
use super::report::{Job, Report, Task};
use crate::exporter::EXPORT;
use crate::format::{ImageError, Means};
use crate::nbd::Client;
use crate::role::{Inside, Reporter, Role};
use crate::target::{Disk, Facts};

/// How often the progress of the copy is worth a report.
const INTERVAL: Duration = Duration::from_millis(250);

/// Does one copy and says how it went.
///
/// # Errors
/// When the host is gone.
pub(crate) fn serve(mut inside: Inside) -> io::Result<()> {
    let reporter = inside.reporter()?;
    let job: Job = inside.job(Role::Copy.calls())?;
    let name = job.name.clone();
    let image = File::from(inside.descriptor()?);
    let ended = Ended::default();
    let mut sockets = Vec::new();
    for _ in 0..job.export.map_or(0, |_| CONNECTIONS) {
        sockets.push(inside.descriptor()?);
    }
    let done = match job.task.clone() {
        Task::Copy(facts) => copy(job, image, sockets, inside.rest(), facts, &ended, &reporter),
        Task::Prepare { spool } => {
            let spool = match spool {
                Some(most) => Some((File::from(inside.descriptor()?), most)),
                None => None,
            };
            let failed = |error| match error {
                // The node is at fault, not the image.
                CopyError::Image(ImageError::Spool(_)) => (error, false),
                other => (other, true),
            };
            prepare(job, image, spool, &ended).map_err(failed)
        }
    };
    let report = match done {
        Ok(report) => report,
        Err((error, untouched)) => Report::Failed {
            reason: reason(&error, &name),
            untouched,
            ended: ended.get(),
        },
    };
    reporter.report(&report)
}

/// Why, with the image's name where the cause does not speak of the image.
fn reason(error: &CopyError, name: &str) -> String {
    match error {
        CopyError::Image(ImageError::OtherFormat(_) | ImageError::Qcow2(_)) => {
            format!("image {name}: {error}")
        }
        _ => error.to_string(),
    }
}

fn copy(
    job: Job,
    image: File,
    sockets: Vec<OwnedFd>,
    target: Vec<OwnedFd>,
    facts: Facts,
    ended: &Ended,
    reporter: &Reporter,
) -> Result<Report, (CopyError, bool)> {
    let mut disk = Disk::passed(target, facts).map_err(|error| (error.into(), true))?;
    let export = match job.export {
        None => None,
        Some(patience) => {
            let client = Client::open(sockets, EXPORT, patience);
            let client = client.map_err(|error| ImageError::Stream(error.into()));
            Some(client.map_err(|error| (error.into(), true))?)
        }
    };
    let means = Means {
        boot_code: job.boot_code,
        sector: disk.facts().sector,
        export,
    };
    let incoming =
        Incoming::open(job.input, image, &job.name, ended).map_err(|error| (error.into(), true))?;
    let rest = incoming.rest();
    let content =
        (job.format.open(incoming.bytes(), means)).map_err(|error| (error.into(), true))?;
    let total = content.length().unwrap_or(0);
    let last = Mutex::new(Instant::now());
    let progress = |position| {
        if let Ok(mut last) = last.lock()
            && last.elapsed() >= INTERVAL
        {
            *last = Instant::now();
            // A host that is gone takes this process along.
            let _ = reporter.report(&Report::Progress { position, total });
        }
    };
    engine::check_room(&content, &disk).map_err(|error| (error.into(), true))?;
    disk.explore().map_err(|error| (error.into(), false))?;
    let copied = engine::copy(content, &disk, &progress).map_err(|error| (error, false))?;
    rest.read().map_err(|error| (error, false))?;
    Ok(Report::Done(copied))
}
