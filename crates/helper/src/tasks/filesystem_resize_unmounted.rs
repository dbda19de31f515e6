//! FilesystemResizeUnmounted: grows the file system of the last partition to fill it.
// SPDX-License-Identifier: BSD-2-Clause

use crate::disk::ext::{self, Superblock};
use crate::disk::fit::Fit;
use crate::disk::probe::Kind;
use crate::disk::{device, f2fs, ntfs};
use crate::error::{Error, Result};
use crate::run::context::{Context, Done};
use crate::tasks::growth::{Content, Found, find, while_aside};

/// The property that keeps Windows from checking an NTFS that was grown.
const NO_CHECK: &str = "OFFLINE_NTFSRESIZE_NOCHECK";

/// Grows the last file system on the disk, or LVM's volume of the root with its file system.
///
/// # Errors
/// When it is damaged beyond what is repaired safely, or a tool fails.
pub fn run(context: &mut Context<'_>) -> Result<Done> {
    match find(context)? {
        Found::Nothing(reason) => Ok(Done::Skipped(reason)),
        Found::Content(content) if content.kind == Kind::Ntfs => grow_ntfs(context, &content),
        Found::Content(content) => grow(context, &content),
        Found::Volume {
            physical,
            group,
            volume,
            root,
        } => {
            if let Some(objection) = group.objection(&volume) {
                return Ok(Done::Skipped(objection));
            }
            if !group.has_room(&physical) {
                return grow(context, &root);
            }
            group.grow(&physical, &volume)?;
            // What of it is done while it is mounted comes later.
            grow(context, &root).map(|_| Done::Yes)
        }
    }
}

fn grow(context: &Context<'_>, content: &Content) -> Result<Done> {
    let Content { device, name, kind } = content;
    match kind {
        Kind::Ext(_) => grow_ext(context, content),
        Kind::F2fs => sized(f2fs::read_fit(device)?, name, || f2fs::grow(device, name)),
        Kind::Xfs | Kind::Btrfs => Ok(Done::Skipped(format!(
            "{name} holds {kind}, which grows while it is mounted"
        ))),
        kind => Ok(Done::Skipped(format!(
            "{name} holds {kind}, which is not grown"
        ))),
    }
}

fn grow_ntfs(context: &mut Context<'_>, content: &Content) -> Result<Done> {
    let Content { device, name, .. } = content;
    if context.parameters.properties.windows_grows_itself() {
        return Ok(Done::Skipped(format!(
            "the NTFS of {name} is left for Windows to grow (property OFFLINE_NTFSRESIZE=no)"
        )));
    }
    let without_check = context.parameters.properties.flag(NO_CHECK);
    let done = sized(ntfs::read_fit(device)?, name, || {
        ntfs::grow(device, name)?;
        if without_check {
            ntfs::clear_mark(device)?;
        }
        Ok(())
    })?;
    if done == Done::Yes && !without_check {
        context.grown_ntfs = Some(device.clone());
        context.reporter.notice(&format!(
            "the NTFS of {name} was grown: Windows checks it when it starts"
        ));
    }
    Ok(done)
}

/// The kernel grows what it can check as it goes, at once. Anything else, and what the kernel refuses, is
/// checked whole, which takes time for every file there is.
fn grow_ext(context: &Context<'_>, content: &Content) -> Result<Done> {
    let Content { device, name, .. } = content;
    let superblock = Superblock::read(device)?;
    let is_sound = superblock.has_checksums() && !superblock.needs_check();
    sized(superblock.fit(device::size(device)?), name, || {
        if is_sound && while_aside(context, content, |_| ext::grow(device)).is_ok() {
            return Ok(());
        }
        ext::check(device, name)?;
        ext::grow(device)
    })
}

/// Grows what has room behind it.
pub(super) fn sized(fit: Fit, name: &str, grow: impl FnOnce() -> Result<()>) -> Result<Done> {
    match fit {
        Fit::Exceeds => Err(Error::image(format!(
            "the file system of {name} is larger than the room it lies in: the image is incomplete"
        ))),
        Fit::Fills => Ok(Done::Skipped(format!(
            "the file system already fills {name}"
        ))),
        Fit::Grows => grow().map(|()| Done::Yes),
    }
}

#[cfg(test)]
#[path = "filesystem_resize_unmounted_tests.rs"]
mod tests;
