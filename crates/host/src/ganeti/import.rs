//! `import`: one disk from standard input, and then grown to the room that it has.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use snf_image_protocol::Task;

use super::create::values;
use super::environment::{Environment, Transfer};
use super::fault::Faults;
use super::parameters::lenient_properties;
use super::script::instance;
use super::story::Story;
use crate::cancel::Cancel;
use crate::config::Config;
use crate::deploy::{deploy, restore};
use crate::monitor::Monitor;
use crate::request::{Image, Request};
use crate::target::Target;

/// The tasks that a larger disk takes.
const TASKS: [Task; 3] = [
    Task::FixPartitionTable,
    Task::FilesystemResizeUnmounted,
    Task::FilesystemResizeMounted,
];

/// Restores the disk.
pub(super) fn run(environment: Environment, config: &Config) -> Result<(), Faults> {
    let values = values(config, &environment.parameters);
    let instance = instance(environment)?;
    let transfer = instance
        .transfer
        .ok_or_else(|| Faults::one("IMPORT_DEVICE is not set"))?;
    let room = restore_disk(&transfer).map_err(Faults::one)?;
    if room == 0 || transfer.index != 0 {
        return Ok(());
    }
    if !config.settings.import_grow {
        tracing::info!("{room} bytes behind the data stay unused: IMPORT_GROW is no");
        return Ok(());
    }
    let request = Request {
        only: Some(TASKS.to_vec()),
        properties: lenient_properties(&values),
        ..Request::new(Image::Keep, transfer.device.into())
    };
    tracing::info!("the disk has {room} bytes more than the data: growing what is on it");
    let cancel = Cancel::by_signals()?;
    let story: Arc<dyn Monitor> = Arc::new(Story::quiet());
    deploy(&request, &config.settings, &story, &cancel).map_err(|failure| {
        Faults::one(format!(
            "the data was imported whole, but what is on the disk could not be grown: {}",
            failure.error
        ))
    })
}

/// Writes the disk and says how many bytes of it are left behind the data.
fn restore_disk(transfer: &Transfer) -> Result<u64, String> {
    let path = &transfer.device;
    is_there(path)?;
    let target = Target::open(path, None, None).map_err(|fault| fault.to_string())?;
    tracing::info!(
        "importing disk {} ({}), room for {} bytes",
        transfer.index,
        path.display(),
        target.capacity()
    );
    let input = io::stdin().as_fd().try_clone_to_owned();
    let input = input.map_err(|error| format!("standard input: {error}"))?;
    let length = restore::restore(&input.into(), &target).map_err(|fault| fault.to_string())?;
    tracing::info!(
        "{length} bytes of disk {} were imported and flushed",
        transfer.index
    );
    Ok(target.capacity().saturating_sub(length))
}

/// Opening a target that is not there would make it.
fn is_there(path: &Path) -> Result<(), String> {
    std::fs::metadata(path)
        .map(drop)
        .map_err(|error| format!("IMPORT_DEVICE={}: {error}", path.display()))
}
