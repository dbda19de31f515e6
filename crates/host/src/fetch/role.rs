//! The fetching process: whatever speaks to the network happens in here.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::{self, Write};

use super::client::Client;
use super::download::{Answer, Download, Server, Trouble};
use super::ftp::Ftp;
use super::http::Http;
use super::location::At;
use super::oci::{Hashed, Repository};
use super::origin::{Origin, Plain};
use super::permit::{Endpoint, Permit};
use super::report::{Job, Report};
use super::s3::Signed;
use super::swift::Stored;
use super::watchdog;
use crate::role::{Inside, Reporter, Role};
use crate::source::Url;
use crate::store::Place;

/// Does one download and says how it went.
///
/// # Errors
/// When the host is gone.
pub(crate) fn serve(mut inside: Inside) -> io::Result<()> {
    let reporter = inside.reporter()?;
    let job: Job = inside.job(Role::Fetch.calls())?;
    let sink = File::from(inside.descriptor()?);
    watchdog::start(inside.reporter()?, job.options.patience)?;
    let report = match fetch(&job, sink, &reporter) {
        Ok(()) => Report::Done,
        Err(reason) => Report::Failed { reason },
    };
    reporter.report(&report)
}

fn fetch(job: &Job, sink: File, reporter: &Reporter) -> Result<(), String> {
    match &job.location.at {
        At::Url(url) => {
            let url = Url::parse(url).map_err(|error| error.to_string())?;
            match url.scheme() {
                "http" | "https" => download(job, Plain(url), Vec::new(), sink, reporter),
                _ => send(job, &mut Ftp::new(&url, &job.options)?, sink, reporter),
            }
        }
        At::Place(Place::S3(store, object)) => {
            let origin = Signed::new(store, object)?;
            let endpoints = vec![origin.endpoint()?];
            download(job, origin, endpoints, sink, reporter)
        }
        At::Place(Place::Swift(store, object)) => {
            let origin = Stored::new(store, object);
            let endpoints = origin.endpoints();
            download(job, origin, endpoints, sink, reporter)
        }
        At::Place(Place::Oci(registry, artifact)) => {
            let repository = Repository::new(registry, artifact);
            let client = client(job, repository.endpoints())?;
            let image = repository.image(&client).map_err(Trouble::into_reason)?;
            let mut sink = Hashed::new(sink, image.digest());
            // What is not sent has no digest: an image of a registry is sent each time.
            send(
                job,
                &mut Http::new(client, image, None),
                &mut sink,
                reporter,
            )?;
            sink.check()
        }
    }
}

fn download(
    job: &Job,
    origin: impl Origin,
    endpoints: Vec<Endpoint>,
    sink: File,
    reporter: &Reporter,
) -> Result<(), String> {
    send(
        job,
        &mut Http::new(client(job, endpoints)?, origin, job.unless.clone()),
        sink,
        reporter,
    )
}

fn client(job: &Job, endpoints: Vec<Endpoint>) -> Result<Client, String> {
    let options = &job.options;
    Client::new(options, Permit::new(&options.policy, endpoints))
}

fn send(
    job: &Job,
    server: &mut dyn Server,
    sink: impl Write,
    reporter: &Reporter,
) -> Result<(), String> {
    let options = &job.options;
    let begun = |answer: &Answer| {
        reporter.report(&if answer.about.is_unchanged {
            Report::Unchanged
        } else {
            Report::Begun {
                length: answer.length,
                validator: answer.about.validator.clone(),
            }
        })
    };
    Download::new(server, sink, options.patience).run(options.pause, begun)
}
