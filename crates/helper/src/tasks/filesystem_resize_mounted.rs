//! FilesystemResizeMounted: grows the file systems that only grow while they are mounted.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use crate::disk::mount::point_of;
use crate::disk::probe::Kind;
use crate::disk::{btrfs, xfs};
use crate::error::Result;
use crate::run::context::{Context, Done};
use crate::tasks::filesystem_resize_unmounted::sized;
use crate::tasks::growth::{Content, find, while_aside};

/// Grows the last file system on the disk, or the root on a volume of LVM there.
///
/// # Errors
/// When a tool fails.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let content = match find(context)?.file_system() {
        Ok(content) => content,
        Err(reason) => return Ok(Done::Skipped(reason)),
    };
    let Content { device, name, kind } = &content;
    let fit = match kind {
        Kind::Xfs => xfs::read_fit(device)?,
        Kind::Btrfs => btrfs::read_fit(device)?,
        kind => {
            return Ok(Done::Skipped(format!(
                "{name} holds {kind}, which does not grow while it is mounted"
            )));
        }
    };
    sized(fit, name, || {
        if let Some(point) = point_of(device, *kind, &context.target)? {
            return grow(&content, &point);
        }
        while_aside(context, &content, |point| grow(&content, point))
    })
}

fn grow(content: &Content, point: &Path) -> Result<()> {
    match content.kind {
        Kind::Xfs => xfs::grow(point),
        _ => btrfs::grow(&content.device, point),
    }
}
