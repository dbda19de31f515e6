//! The fetching process: whatever speaks to the network happens in here.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io;

use snf_image_sandbox::Calls;

use super::download::Download;
use super::http::Http;
use super::report::{Job, Report};
use crate::role::{Inside, Reporter};
use crate::source::Url;

/// Does one download and says how it went.
///
/// # Errors
/// When the host is gone.
pub(crate) fn serve(mut inside: Inside) -> io::Result<()> {
    let reporter = inside.reporter()?;
    let job: Job = inside.job(Calls::Network)?;
    let sink = File::from(inside.descriptor()?);
    let report = match fetch(&job, sink, &reporter) {
        Ok(()) => Report::Done,
        Err(reason) => Report::Failed { reason },
    };
    reporter.report(&report)
}

fn fetch(job: &Job, sink: File, reporter: &Reporter) -> Result<(), String> {
    let url = Url::parse(&job.url).map_err(|error| error.to_string())?;
    let options = &job.options;
    let mut server = Http::new(url, options)?;
    let begun = |length| reporter.report(&Report::Begun { length });
    Download::new(&mut server, sink, options.patience).run(options.pause, begun)
}
