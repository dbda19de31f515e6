//! Mounts what systemd finds by the types of partitions, where fstab says nothing of it.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use crate::disk::device;
use crate::disk::discoverable::{self, Mount};
use crate::disk::mount::{mount, point_of};
use crate::disk::probe::{self, Kind};
use crate::error::{Error, Result};
use crate::guest::root::{FILE_LIMIT, Root};
use crate::run::context::Context;
use crate::tasks::mount_image::encrypted::{self, Encrypted};
use crate::tasks::mount_image::{checked, held};

/// Who mounts them in the running machine.
const SYSTEMD: [&str; 2] = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];

/// Mounts them over empty directories, as systemd does; `named` are the mount points of fstab.
///
/// # Errors
/// When one cannot be mounted.
pub(super) fn mount_all(
    context: &mut Context<'_>,
    root: &Root,
    named: &[PathBuf],
    encrypted: &mut Encrypted,
) -> Result<()> {
    let Some(table) = &context.table else {
        return Ok(());
    };
    let found = discoverable::mounts(table);
    let machine_id = root.read("/etc/machine-id", FILE_LIMIT).ok().flatten();
    for one in found
        .iter()
        .filter(|one| Some(one.number) != context.root_partition)
    {
        let Some(point) = point(root, one, named)? else {
            continue;
        };
        let entry = table.partition(one.number);
        let part_uuid = entry
            .map(|entry| entry.part_uuid.as_str())
            .unwrap_or_default();
        let own_var = machine_id.as_deref().and_then(discoverable::var_uuid);
        if point == Path::new("/var") && own_var.as_deref() != Some(part_uuid) {
            context.reporter.notice(&format!(
                "partition {} is not mounted as /var of the image: it belongs to another machine id",
                one.number
            ));
            continue;
        }
        let device = device::partition(context.first_disk()?, one.number);
        let found = probe::read(&device)?;
        if found.is_some_and(|found| matches!(found.kind, Kind::Luks | Kind::BitLocker)) {
            encrypted.shut(root, point, encrypted::REASON)?;
            context.reporter.notice(&format!(
                "partition {} is not mounted as {} of the image ({})",
                one.number,
                point.display(),
                encrypted::REASON
            ));
            continue;
        }
        match mount_one(context, root, one, point) {
            // The machine starts without it too, and nothing is put there.
            Err(error) if ["/boot", "/efi"].map(Path::new).contains(&point) => {
                context.reporter.notice(&format!("not mounted: {error}"));
            }
            result => result?,
        }
    }
    Ok(())
}

/// Where it is mounted; `None`: nowhere.
fn point<'a>(root: &Root, one: &Mount, named: &[PathBuf]) -> Result<Option<&'a Path>> {
    let is_there = |point: &&&str| root.is_directory(point);
    let Some(point) = one
        .points
        .iter()
        .find(is_there)
        .map(|point| Path::new(*point))
    else {
        return Ok(None);
    };
    // Without its /usr it cannot be told yet what starts the machine.
    let is_systemd = || SYSTEMD.iter().any(|path| root.exists(path));
    let is_wanted = point == Path::new("/usr") || is_systemd();
    let is_free = !named.iter().any(|named| named == point);
    Ok((is_wanted && is_free && root.list(point)?.is_empty()).then_some(point))
}

fn mount_one(context: &Context<'_>, root: &Root, one: &Mount, point: &Path) -> Result<()> {
    let device = device::partition(context.first_disk()?, one.number);
    let name = format!(
        "partition {} of the image, its {}",
        one.number,
        point.display()
    );
    let Some(found) = probe::read(&device)? else {
        return Err(Error::image(format!(
            "{name}, holds no file system that is known"
        )));
    };
    if point_of(&device, found.kind, &context.target)?.is_some() {
        return Ok(());
    }
    let Some(directory) = root.directory(point)? else {
        return Ok(());
    };
    checked(&device, found.kind, &name, || {
        mount(&device, found.kind, &held(&directory), one.access, None)
    })
}
