//! `snf-image deploy`.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use snf_image_protocol::{
    CUSTOM_TASK, FIRST_BOOT_SCRIPT, Hostname, MAX_PROGRAM, MAX_SCRIPT, Properties,
};

use super::Failure;
use crate::cancel::Cancel;
use crate::cli::{Cli, DeployArguments};
use crate::config::Settings;
use crate::deploy::deploy;
use crate::digest::Digest;
use crate::format::Format;
use crate::monitor::{JsonLines, Message, Monitor, ProgressBar};
use crate::output;
use crate::reference::Reference;
use crate::request::{
    Image, Request, Windows, apply_properties, parse_inject, read_authorized_keys, read_password,
    read_password_hash, read_personality, read_product_key, read_user_data,
};
use crate::small_file::read_bounded;
use crate::target::Location;
use crate::verification::Document;

pub(super) fn run(
    arguments: &DeployArguments,
    settings: &Settings,
    cli: &Cli,
) -> Result<(), Failure> {
    let begin = Instant::now();
    let watchers: Arc<dyn Monitor> = Arc::new(Watchers::new(cli));
    let outcome = request(arguments).and_then(|request| {
        let digest = request.digest.as_ref().and_then(Digest::warning);
        for warning in request.properties.warnings().into_iter().chain(digest) {
            tracing::warn!("{warning}");
            watchers.message(&Message::warning(warning));
        }
        let cancel = Cancel::by_signals()?;
        deploy(&request, settings, &watchers, &cancel).map_err(|failure| {
            let log_tail = if cli.verbose > 0 {
                failure.log_tail
            } else {
                Vec::new()
            };
            if failure.error.is_input() {
                Failure::input(&failure.error)
            } else {
                Failure::failed(&failure.error).with_log(log_tail)
            }
        })?;
        Ok((request.image, request.target))
    });
    drop(watchers);
    let (image, target) = outcome?;
    if !cli.json {
        let done = match image {
            Image::Keep => "customised".into(),
            image => format!("deployed {image} onto"),
        };
        output::say(&format!(
            "{done} {} in {:.1} s",
            target,
            begin.elapsed().as_secs_f64()
        ));
    }
    Ok(())
}

/// Checks all that the command line alone can tell, and reports every fault found.
fn request(arguments: &DeployArguments) -> Result<Request, Failure> {
    let mut faults = Faults::default();
    let hostname = arguments.hostname.as_deref().map(Hostname::new);
    let hostname = faults.keep(hostname.transpose()).flatten();
    let password = arguments.password_file.as_deref().map(read_password);
    let password = faults.keep(password.transpose()).flatten();
    let hash = arguments
        .password_hash_file
        .as_deref()
        .map(read_password_hash);
    let password_hash = faults.keep(hash.transpose()).flatten();
    let mut authorized_keys = Vec::new();
    for path in &arguments.ssh_key {
        authorized_keys.extend(faults.keep(read_authorized_keys(path)).unwrap_or_default());
    }
    let mut pairs = Vec::new();
    for property in &arguments.property {
        pairs.extend(faults.keep(Properties::split(property)));
    }
    for (name, option, path, limit) in [
        (
            CUSTOM_TASK,
            "--custom-task",
            &arguments.custom_task,
            MAX_PROGRAM,
        ),
        (
            FIRST_BOOT_SCRIPT,
            "--first-boot",
            &arguments.first_boot,
            MAX_SCRIPT,
        ),
    ] {
        let Some(path) = path else { continue };
        let content = match read_bounded(path, limit) {
            Ok((content, _)) if content.is_empty() => Err(format!("{} is empty", path.display())),
            Ok((content, _)) => Ok(content),
            Err(fault) => Err(fault.to_string()),
        };
        let content = faults.keep_of(option, content);
        pairs.extend(content.map(|content| (name.to_owned(), STANDARD.encode(content))));
    }
    let properties = Properties::new(pairs).unwrap_or_else(|wrong| {
        faults.0.extend(wrong.iter().map(ToString::to_string));
        Properties::default()
    });
    let mut nics = arguments.nic.clone();
    if let Err(wrong) = apply_properties(&mut nics, &properties) {
        faults.0.extend(wrong);
    }
    for (name, number) in properties.of_interfaces() {
        if number >= nics.len() {
            faults.0.push(format!(
                "property {name} is about network interface {number}, and the first of {} --nic is 0",
                nics.len()
            ));
        }
    }
    let mut personality = Vec::new();
    for argument in &arguments.inject {
        personality.extend(faults.keep_of("--inject", parse_inject(argument)));
    }
    if let Some(path) = &arguments.personality {
        personality.extend(faults.keep(read_personality(path)).unwrap_or_default());
    }
    let user_data = arguments.user_data.as_deref().map(read_user_data);
    let user_data = faults.keep(user_data.transpose()).flatten();
    let mut document = |option, argument: &Option<OsString>| {
        let document = argument.as_deref().map(document);
        faults.keep_of(option, document.transpose()).flatten()
    };
    let digest_list = document("--digest-url", &arguments.digest_url);
    let signature = document("--signature-url", &arguments.signature_url);
    let answer_file = document("--answer-file", &arguments.answer_file);
    let product_key = arguments.product_key_file.as_deref().map(read_product_key);
    let product_key = faults.keep(product_key.transpose()).flatten();
    let image = faults.keep(image(&arguments.image));
    if let Some(Image::Keep) = image {
        faults.0.extend(without_image(arguments));
    }
    let request = Request {
        image: image.unwrap_or(Image::Keep),
        format: arguments.format,
        digest: arguments.digest.clone(),
        digest_list,
        signature,
        target: (faults.keep(Location::of_argument(&arguments.target)))
            .unwrap_or_else(|| Location::Path(arguments.target.clone().into())),
        size: arguments.size,
        other_disks: Vec::new(),
        only: None,
        hostname,
        password,
        password_hash,
        authorized_keys,
        nics,
        properties,
        personality,
        windows: Windows {
            product_key,
            answer_file,
        },
        user_data,
    };
    faults.keep(request.check());
    if faults.0.is_empty() {
        Ok(request)
    } else {
        Err(Failure::input(&faults.0.join("; ")))
    }
}

fn image(argument: &OsStr) -> Result<Image, String> {
    Ok(match Reference::of_argument(argument)? {
        Reference::Path(path) => Image::At(path),
        Reference::Url(url) => Image::Url(url),
        Reference::Stored(name) => Image::Stored(name),
        Reference::Null => Image::Keep,
        Reference::External(id) => Image::External(id),
    })
}

/// A list of digests, a signature or an answer file. Where it is a file, it is there.
fn document(argument: &OsStr) -> Result<Document, String> {
    match Document::of_argument(argument)? {
        Document::At(path) if !path.exists() => Err(format!("{} does not exist", path.display())),
        document => Ok(document),
    }
}

/// What says something of an image where there is none.
fn without_image(arguments: &DeployArguments) -> impl Iterator<Item = String> {
    let given = [
        ("--format", arguments.format != Format::Diskdump),
        ("--digest", arguments.digest.is_some()),
        ("--digest-url", arguments.digest_url.is_some()),
        ("--signature-url", arguments.signature_url.is_some()),
    ];
    let given = given.into_iter().filter(|(_, is_given)| *is_given);
    given.map(|(option, _)| format!("{option} is about an image, and --image null is none"))
}

#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn keep<T, E: Display>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|fault| self.0.push(fault.to_string())).ok()
    }

    /// The same, of an option whose name the fault does not say.
    fn keep_of<T, E: Display>(&mut self, option: &str, result: Result<T, E>) -> Option<T> {
        self.keep(result.map_err(|fault| format!("{option}: {fault}")))
    }
}

/// Who listens to the deployment: JSON lines, a progress bar, the log.
struct Watchers {
    json: Option<JsonLines<io::Stdout>>,
    bar: Option<ProgressBar>,
}

impl Watchers {
    fn new(cli: &Cli) -> Self {
        let bar = !cli.json && cli.verbose == 0 && io::stderr().is_terminal();
        Watchers {
            json: cli.json.then(|| JsonLines::new(io::stdout())),
            bar: bar.then(ProgressBar::new),
        }
    }
}

impl Monitor for Watchers {
    fn message(&self, message: &Message) {
        if let Some(json) = &self.json {
            json.message(message);
        }
        if let Some(bar) = &self.bar {
            bar.message(message);
        }
    }

    fn console(&self, line: &str) {
        tracing::debug!("HELPER: {line}");
    }
}

#[cfg(test)]
#[path = "deploy_tests.rs"]
mod tests;
