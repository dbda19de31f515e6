//! FilesystemResizeUnmounted: grows the file system of the last partition to fill it.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use crate::disk::device;
use crate::disk::ext::{self, Fit, Superblock};
use crate::disk::probe::{self, Kind};
use crate::error::{Error, Result};
use crate::run::context::{Context, Done};

/// Grows the last file system on the disk.
///
/// # Errors
/// When it is damaged beyond what is repaired safely, or a tool fails.
pub fn run(context: &mut Context<'_>) -> Result<Done> {
    let Some((device, name)) = last_device(context)? else {
        return Ok(Done::Skipped(
            "the last partition is an extended one without content".into(),
        ));
    };
    match probe::read(&device)?.map(|found| found.kind) {
        None => Ok(Done::Skipped(format!(
            "{name} holds no file system that is known"
        ))),
        Some(Kind::Ext(_)) => grow_ext(&device, &name),
        Some(kind) => Ok(Done::Skipped(format!(
            "{name} holds {kind}, which is not grown"
        ))),
    }
}

fn last_device(context: &Context<'_>) -> Result<Option<(PathBuf, String)>> {
    let disk = context.first_disk()?;
    let Some(table) = &context.table else {
        return Ok(Some((disk.into(), "the image".into())));
    };
    Ok(table.growing().map(|last| {
        let number = last.partition.number;
        let name = format!("partition {number} of the image");
        (device::partition(disk, number), name)
    }))
}

fn grow_ext(device: &Path, name: &str) -> Result<Done> {
    let superblock = Superblock::read(device)?;
    match superblock.fit(device::size(device)?) {
        Fit::Exceeds => Err(Error::image(format!(
            "the file system of {name} is larger than the room it lies in: the image is incomplete"
        ))),
        Fit::Fills => Ok(Done::Skipped(format!(
            "the file system already fills {name}"
        ))),
        Fit::Grows => {
            ext::check(device, name)?;
            ext::grow(device)?;
            Ok(Done::Yes)
        }
    }
}

#[cfg(test)]
#[path = "filesystem_resize_unmounted_tests.rs"]
mod tests;
