//! FilesystemResizeMounted: has Windows grow its own volume, where that is left to it.
// SPDX-License-Identifier: BSD-2-Clause

use crate::disk::probe::Kind;
use crate::disk::{device, ntfs};
use crate::error::Result;
use crate::guest::windows::first_boot::{self, Moment};
use crate::run::context::{Context, Done};
use crate::tasks::filesystem_resize_unmounted::sized;
use crate::tasks::growth::{Content, find};

/// Leaves a step for the end of setup. Only the volume that Windows runs from is grown so: it alone has a
/// letter that is known here.
///
/// # Errors
/// When the disk cannot be read, or a file cannot be written.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let Content { device, name, kind } = match find(context)?.file_system() {
        Ok(content) => content,
        Err(reason) => return Ok(Done::Skipped(reason)),
    };
    let disk = context.first_disk()?;
    let system = match context.root_partition {
        Some(number) => device::partition(disk, number),
        None => disk.to_path_buf(),
    };
    if kind != Kind::Ntfs || device != system {
        return Ok(Done::Skipped(format!(
            "{name} is not the volume that Windows runs from"
        )));
    }
    sized(ntfs::read_fit(&device)?, &name, || {
        first_boot::add(
            context.root()?,
            Moment::EndOfSetup,
            "05-volume.ps1",
            &first_boot::grow_volume(),
        )
    })
}

#[cfg(test)]
mod tests;
