//! `create`: an image onto the first disk of a new instance, or of one installed again.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsString;
use std::sync::Arc;

use super::environment::{Environment, Instance};
use super::fault::{Fault, Faults};
use super::image_id::DocumentId;
use super::parameters::{self, Values, Wanted};
use super::script::{Script, instance, tell};
use super::story::Story;
use super::words::of_document;
use super::{config_url, disk, nics};
use crate::cancel::Cancel;
use crate::config::{self, Config};
use crate::deploy::deploy;
use crate::format::Format;
use crate::monitor::{Message, Monitor};
use crate::request::{OtherDisk, Request, Windows};

/// Deploys, and tells the monitor of every failure whose monitor is known.
pub(super) fn run(variables: Vec<(OsString, OsString)>) -> Result<(), Faults> {
    let raw = |wanted: &str| {
        let found = variables.iter().find(|(name, _)| name == wanted);
        found
            .and_then(|(_, value)| value.to_str())
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
    };
    let (name, variant) = (raw("INSTANCE_NAME"), raw("OS_VARIANT"));
    let mut faults = Faults::default();
    let environment = Environment::parse(variables, Script::Create);
    let mut config = faults.keep(config::load(None)).unwrap_or_default();
    if let Some(variant) = variant {
        faults.keep(config.apply_variant(&variant));
    }
    let debug = environment
        .as_ref()
        .is_ok_and(|environment| environment.debug);
    tell(&config, debug);
    let story = Arc::new(Story::begin(
        &config.settings.progress_monitor,
        name.as_deref(),
    ));
    let outcome = match environment {
        Err(Faults(more)) => {
            faults.0.extend(more);
            Err(faults)
        }
        Ok(environment) => faults
            .or(environment)
            .and_then(|environment| create(environment, &config, &story)),
    };
    if let Err(faults) = &outcome {
        story.message(&Message::ImageError {
            messages: faults.for_user(),
        });
    }
    story.end();
    outcome
}

fn create(environment: Environment, config: &Config, story: &Arc<Story>) -> Result<(), Faults> {
    let cancel = Cancel::by_signals()?;
    let mut values = values(config, &environment.parameters);
    let instance = instance(environment)?;
    let again = if instance.is_reinstall { " again" } else { "" };
    tracing::info!(
        "snf-image {} installs {}{again}, hypervisor {}",
        env!("CARGO_PKG_VERSION"),
        instance.name,
        instance.hypervisor
    );
    let url = values.get("config_url").map(|given| given.value.clone());
    if let Some(url) = url.filter(|url| !url.expose().is_empty()) {
        tracing::info!(
            "fetching OS parameters from {}",
            config_url::shown(url.expose())
        );
        let is_users = parameters::is_users(&values, "config_url");
        let fetched = config_url::fetch(url.expose(), &config.settings, &cancel);
        values.extend(fetched.map_err(|fault| Faults::one(Fault::from(fault).about(is_users)))?);
    }
    let wanted = parameters::check(&values, true)?;
    (wanted.check_format(&config.settings)).map_err(Faults::one)?;
    for warning in &wanted.warnings {
        tracing::warn!("{warning}");
        story.message(&Message::warning(warning));
    }
    let request = request(wanted, &values, instance, config)?;
    let monitor: Arc<dyn Monitor> = Arc::clone(story) as Arc<dyn Monitor>;
    deploy(&request, &config.settings, &monitor, &cancel)
        .map_err(|failure| Faults::one(failure.error))
}

/// The OS parameters: what the configuration says, and Ganeti over it, even where empty.
pub(super) fn values(config: &Config, given: &Values) -> Values {
    let mut values = config.parameters.clone();
    values.extend(given.iter().map(|(name, given)| (*name, given.clone())));
    values
}

/// The deployment; the values tell what of it the user chose.
fn request(
    wanted: Wanted,
    values: &Values,
    instance: Instance,
    config: &Config,
) -> Result<Request, Faults> {
    let mut faults = Faults::default();
    let mut locations = Vec::new();
    for (index, disk) in instance.disks.iter().enumerate() {
        locations.extend(faults.keep(disk::locate(disk, index)));
    }
    if instance.disks.first().is_some_and(|first| first.read_only) {
        faults.add(Fault::of_request(
            "disk 0 of the instance is read-only (DISK_0_ACCESS=ro): nothing can be put on it",
        ));
    }
    let about = |fault, name| Fault::from(fault).about(parameters::is_users(values, name));
    let image = wanted
        .image
        .as_ref()
        .map(|image| image.open(&config.settings));
    let image = image
        .map(|image| image.map_err(|fault| about(fault, "img_id")))
        .and_then(|image| faults.keep(image));
    let mut document = |document: &Option<DocumentId>, name| {
        let opened = document.as_ref()?.open(&config.settings);
        let is_users = parameters::is_users(values, name);
        faults.keep(opened.map_err(|fault| of_document(name, &fault).about(is_users)))
    };
    let digest_list = document(&wanted.digest_list, "img_digest_url");
    let signature = document(&wanted.signature, "img_signature_url");
    let answer_file = document(&wanted.answer_file, "os_answer_file");
    let (true, Some((target, others)), Some(image)) =
        (faults.0.is_empty(), locations.split_first(), image)
    else {
        return faults
            .or(())
            .and(Err(Faults::one("there is no disk and no image")));
    };
    let decided = nics::decide(&instance.nics, &config.settings.network, &wanted.properties)?;
    for warning in &decided.warnings {
        tracing::warn!("{warning}");
    }
    let further = instance.disks.iter().skip(1).zip(others);
    let other_disks: Vec<_> = further
        .map(|(disk, location)| OtherDisk {
            location: location.clone(),
            read_only: disk.read_only,
        })
        .collect();
    tracing::info!(
        "image {} goes onto {}; {} further disks, {} network interfaces",
        image,
        target,
        other_disks.len(),
        instance.nics.len()
    );
    let request = Request {
        image,
        format: wanted.format.unwrap_or(Format::Diskdump),
        digest: wanted.digest,
        digest_list,
        signature,
        target: target.clone(),
        size: None,
        other_disks,
        only: None,
        hostname: Some(instance.name),
        password: wanted.password,
        password_hash: wanted.password_hash,
        authorized_keys: wanted.authorized_keys,
        nics: decided.nics,
        properties: wanted.properties,
        personality: wanted.personality,
        windows: Windows {
            product_key: wanted.product_key,
            answer_file,
        },
        user_data: wanted.user_data,
    };
    request.check().map_err(Faults::one)?;
    Ok(request)
}
