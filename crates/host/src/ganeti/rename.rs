//! `rename`: the new host name into the first disk, and nothing else.
// SPDX-License-Identifier: BSD-2-Clause

use std::sync::Arc;

use snf_image_protocol::Task;

use super::create::values;
use super::disk;
use super::environment::Environment;
use super::fault::Faults;
use super::parameters::lenient_properties;
use super::script::instance;
use super::story::Story;
use crate::cancel::Cancel;
use crate::config::Config;
use crate::deploy::deploy;
use crate::monitor::Monitor;
use crate::request::{Image, Request};

/// The tasks that a new name takes.
const TASKS: [Task; 3] = [Task::MountImage, Task::AssignHostname, Task::UmountImage];

/// Renames. Ganeti may have forgotten the OS parameters by now: what they do not say about the
/// system on the disk is detected.
pub(super) fn run(environment: Environment, config: &Config) -> Result<(), Faults> {
    let properties = lenient_properties(&values(config, &environment.parameters));
    let instance = instance(environment)?;
    tracing::info!(
        "renaming {} to {}",
        instance.old_name.unwrap_or_default(),
        instance.name
    );
    let Some(first) = instance.disks.first() else {
        tracing::info!("the instance has no disk: there is nothing to rename");
        return Ok(());
    };
    let target = disk::locate(first, 0).map_err(Faults::one)?;
    let request = Request {
        only: Some(TASKS.to_vec()),
        hostname: Some(instance.name),
        properties,
        ..Request::new(Image::Keep, target)
    };
    if !request.wants(Task::AssignHostname) || !request.wants(Task::MountImage) {
        tracing::info!(
            "the image's properties exclude AssignHostname: the host name stays as it is"
        );
        return Ok(());
    }
    let cancel = Cancel::by_signals()?;
    let story: Arc<dyn Monitor> = Arc::new(Story::quiet());
    deploy(&request, &config.settings, &story, &cancel)
        .map_err(|failure| Faults::one(failure.error))
}
