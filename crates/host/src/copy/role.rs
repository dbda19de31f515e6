//! The copy's own, confined process: whatever interprets an image's bytes happens in here.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use snf_image_sandbox::Calls;

use super::engine;
use super::error::CopyError;
use super::incoming::{self, Ended};
use super::report::{Copied, Job, Report};
use crate::format::Means;
use crate::role::{Inside, Reporter};
use crate::target::{Disk, TargetError};

/// How often the progress of the copy is worth a report.
const INTERVAL: Duration = Duration::from_millis(250);

/// Does one copy and says how it went.
///
/// # Errors
/// When the host is gone.
pub(crate) fn serve(mut inside: Inside) -> io::Result<()> {
    let reporter = inside.reporter()?;
    let job: Job = inside.job(Calls::Data)?;
    let image = File::from(inside.descriptor()?);
    let target = File::from(inside.descriptor()?);
    let ended = Ended::default();
    let report = match copy(job, image, target, &ended, &reporter) {
        Ok(copied) => Report::Done(copied),
        Err((error, untouched)) => Report::Failed {
            reason: error.to_string(),
            untouched,
            ended: ended.get(),
        },
    };
    reporter.report(&report)
}

fn copy(
    job: Job,
    image: File,
    target: File,
    ended: &Ended,
    reporter: &Reporter,
) -> Result<Copied, (CopyError, bool)> {
    let path = job.target.path.clone();
    let disk = Disk::new(target, job.target)
        .map_err(|error| (TargetError::Open { path, error }.into(), true))?;
    let means = Means {
        boot_code: job.boot_code,
    };
    let bytes = incoming::open(job.input, image, &job.name, ended);
    let content = bytes.and_then(|bytes| job.format.open(bytes, &means));
    let content = content.map_err(|error| (error.into(), true))?;
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
    engine::copy(content, &disk, &progress).map_err(|error| (error, false))
}
