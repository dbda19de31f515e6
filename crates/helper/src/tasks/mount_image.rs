//! MountImage: the root file system of the image and those that its fstab names.
// SPDX-License-Identifier: BSD-2-Clause

mod discovered;
mod encrypted;
mod firmware;
mod hibernated;

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::mount::{mount_bind, mount_bind_recursive};

use crate::disk::fstab::{Plan, plan, subvolume};
use crate::disk::mount::{Access, mount};
use crate::disk::probe::{self, Kind};
use crate::disk::resolve::Volumes;
use crate::disk::{detect, device, ext, ntfs};
use crate::error::{Doing, Error, Result};
use crate::guest::fstab::{self, Entry};
use crate::guest::immutable;
use crate::guest::root::{FILE_LIMIT, Root, shown};
use crate::guest::windows::registry::Hive;
use crate::guest::windows::system::{SAM, SOFTWARE, SYSTEM};
use crate::run::context::{Context, Done};
use crate::tasks::growth::{lvm, root_volume};
use encrypted::Encrypted;

/// More mounts than any image has, as a bound.
const MAX_MOUNTS: usize = 256;

/// Mounts the image at the context's target and takes hold of its root.
///
/// # Errors
/// When the root file system cannot be mounted, is no root of a system, or a file system
/// that the image requires is missing.
pub fn run(context: &mut Context<'_>) -> Result<Done> {
    let (device, name) = root_device(context)?;
    let Some(found) = probe::read(&device)? else {
        return Err(Error::image(format!(
            "{name} holds no file system that is known"
        )));
    };
    match found.kind {
        Kind::Ntfs => return mount_windows(context, &device, &name),
        Kind::BitLocker => {
            return Err(Error::image(format!(
                "{name} is encrypted by BitLocker, and only its Windows has the key: switch it off \
                 there with: manage-bde -off"
            )));
        }
        _ => {}
    }
    hibernated::check(context)?;
    let is_root = checked(&device, found.kind, &name, || {
        detect::mount_root(&device, found.kind, &context.target, Access::Write)
    })?;
    if !is_root {
        let known = immutable::by_partitions(context.table.as_ref());
        return Err(known.unwrap_or_else(|| {
            Error::image(format!(
                "{name} is not the root of a system: it has no directory /etc; name the right \
                 partition with the property ROOT_PARTITION"
            ))
        }));
    }
    let root = Root::open(&context.target)?;
    let table = root.read("/etc/fstab", FILE_LIMIT)?;
    if table.is_none() {
        let message = "the image has no /etc/fstab: its root is mounted, and what the types of \
             its partitions name";
        context.reporter.warning(message);
    }
    let entries = fstab::parse(&table.unwrap_or_default());
    let named: Vec<_> = entries.iter().map(|entry| entry.file.clone()).collect();
    let mut encrypted = Encrypted::read(&root)?;
    mount_entries(context, &root, entries, &mut encrypted)?;
    discovered::mount_all(context, &root, &named, &mut encrypted)?;
    context.shut = encrypted.points;
    immutable::check(&root)?;
    firmware::check(context)?;
    context.root = Some(root);
    Ok(Done::Yes)
}

/// A Windows is alone on its volume: it has no fstab.
fn mount_windows(context: &mut Context<'_>, device: &Path, name: &str) -> Result<Done> {
    ntfs::check(device, name)?;
    // One that was grown has been told of already.
    if context.grown_ntfs.as_deref() != Some(device) && ntfs::is_marked(device)? {
        context.reporter.warning(&format!(
            "the NTFS of {name} is marked for a check, as one that was not shut down is: Windows \
             makes it when it starts"
        ));
    }
    let (target, access) = (&context.target, Access::Write);
    let windows = detect::mount_windows(device, target, access, |root| {
        for hive in [SYSTEM, SOFTWARE, SAM] {
            if Hive::replay(root, hive)?.is_some() {
                context.reporter.notice(&format!(
                    "{hive} of the image was being written when the machine stopped: what its log \
                     holds is in it now"
                ));
            }
        }
        Ok(())
    })?;
    let Some(windows) = windows else {
        return Err(Error::image(format!(
            "{name} is not the root of a Windows: it has no Windows/System32 with its registry; \
             name the right partition with the property ROOT_PARTITION"
        )));
    };
    context.reporter.notice(&format!("{name} holds {windows}"));
    if windows.family() != context.os_family {
        return Err(Error::image(format!(
            "the image is treated as {}, but {name} holds {}: give the right property OSFAMILY, or \
             none",
            detect::family_name(context.os_family),
            detect::family_name(windows.family())
        )));
    }
    context.root = Some(Root::of_windows(&context.target)?);
    context.windows = Some(windows);
    Ok(Done::Yes)
}

fn root_device(context: &mut Context<'_>) -> Result<(PathBuf, String)> {
    let disk = context.first_disk()?;
    let (device, name) = match context.root_partition {
        Some(number) => (
            device::partition(disk, number),
            format!("partition {number} of the image"),
        ),
        None => (disk.to_path_buf(), "the image".to_owned()),
    };
    if probe::read(&device)?.is_none_or(|found| found.kind != Kind::Lvm) {
        return Ok((device, name));
    }
    match root_volume(context)? {
        Some(volume) => Ok((volume, format!("the root on the LVM of {name}"))),
        None => {
            let hidden = lvm(context)?.hidden();
            let beside = if hidden.is_empty() {
                String::new()
            } else {
                format!(" (it cannot show {})", hidden.join(", "))
            };
            Err(Error::image(format!(
                "{name} holds LVM, and none of its volumes is the root of a system that this \
                 helper can mount{beside}"
            )))
        }
    }
}

/// Mounts, and sees to it that an ext file system is sound: one with known errors, which the
/// kernel would take as it is, is repaired before, and one that the kernel refuses is
/// repaired and tried again.
fn checked<T>(device: &Path, kind: Kind, name: &str, mount: impl Fn() -> Result<T>) -> Result<T> {
    if !matches!(kind, Kind::Ext(_)) {
        return mount();
    }
    if ext::Superblock::read(device)?.needs_check() {
        ext::check(device, name)?;
        return mount();
    }
    mount().or_else(|_| {
        ext::check(device, name)?;
        mount()
    })
}

fn mount_entries(
    context: &mut Context<'_>,
    root: &Root,
    entries: Vec<Entry>,
    encrypted: &mut Encrypted,
) -> Result<()> {
    let mut volumes = Volumes::new(&context.disks, context.table.as_ref(), &mut context.lvm);
    let mut left = Vec::new();
    let mut missing = Vec::new();
    let mut mounted = 0;
    for (entry, plan) in plan(entries) {
        let mut leave = |reason: &str| left.push(format!("{} ({reason})", entry.spec));
        match plan {
            Plan::Leave(reason) => leave(reason),
            _ if encrypted.covers(&entry.file) => leave("below what only the running machine has"),
            _ if mounted == MAX_MOUNTS => {
                return Err(Error::image(format!(
                    "/etc/fstab of the image asks for more than {MAX_MOUNTS} mounts"
                )));
            }
            Plan::Bind { deep } => {
                mounted += 1;
                if let Some(reason) = bind(root, &entry, deep, encrypted)? {
                    leave(reason);
                }
            }
            Plan::Hidden(reason) => {
                if root.is_directory(&entry.file) {
                    mounted += 1;
                    encrypted.shut(root, &entry.file, reason)?;
                }
                leave(reason);
            }
            Plan::Mount { required, .. } if encrypted.hides(&entry.spec, &mut volumes) => {
                mounted += 1;
                if required || root.is_directory(&entry.file) {
                    encrypted.shut(root, &entry.file, encrypted::REASON)?;
                }
                leave(encrypted::REASON);
            }
            Plan::Mount { required, access } => {
                match mount_entry(root, &entry, &mut volumes, access) {
                    Ok(()) => mounted += 1,
                    Err(error) if required => {
                        return Err(Error::image(format!("/etc/fstab of the image: {error}")));
                    }
                    Err(error) => missing.push(error.to_string()),
                }
            }
        }
    }
    if !missing.is_empty() {
        context
            .reporter
            .warning(&format!("/etc/fstab of the image: {}", missing.join(", ")));
    }
    if !left.is_empty() {
        context.reporter.notice(&format!(
            "not mounted of /etc/fstab of the image: {}",
            left.join(", ")
        ));
    }
    Ok(())
}

/// Shows a directory of the image at a second place; gives why that is not possible.
fn bind(
    root: &Root,
    entry: &Entry,
    deep: bool,
    encrypted: &mut Encrypted,
) -> Result<Option<&'static str>> {
    let source = Path::new(&entry.spec);
    if !root.is_directory(source) || !root.is_directory(&entry.file) {
        return Ok(Some(
            "bind mount between what are no directories of the image",
        ));
    }
    if encrypted.covers(source) {
        let reason = "bind mount of what only the running machine has";
        encrypted.shut(root, &entry.file, reason)?;
        return Ok(Some(reason));
    }
    let (source, point) = (directory(root, source)?, directory(root, &entry.file)?);
    let result = if deep {
        mount_bind_recursive(held(&source), held(&point))
    } else {
        mount_bind(held(&source), held(&point))
    };
    result.doing(|| format!("mounting {} at {}", entry.spec, shown(&entry.file)))?;
    Ok(None)
}

fn mount_entry(
    root: &Root,
    entry: &Entry,
    volumes: &mut Volumes<'_>,
    access: Access,
) -> Result<()> {
    let Some(volume) = volumes.find(&entry.spec) else {
        let why = if of_hardware(&entry.spec) {
            "names hardware that the new machine does not have: name it by UUID= in the image"
        } else if let Some(layout) = volumes.hidden(&entry.spec) {
            &format!("is a volume of LVM that the helper cannot show ({layout})")
        } else if volumes.has_encrypted() {
            "is on none of the disks: if it is encrypted, name it in the image as /etc/crypttab does"
        } else {
            "is on none of the disks"
        };
        return Err(Error::image(format!(
            "{} for {} {why}",
            entry.spec,
            entry.file.display()
        )));
    };
    let point = directory(root, &entry.file)?;
    let subvolume = subvolume(entry).filter(|_| volume.kind == Kind::Btrfs);
    checked(&volume.device, volume.kind, &entry.spec, || {
        mount(
            &volume.device,
            volume.kind,
            &held(&point),
            access,
            subvolume,
        )
    })
}

/// The directory that is a mount point.
fn directory(root: &Root, point: &Path) -> Result<OwnedFd> {
    root.directory(point)?
        .ok_or_else(|| Error::image(format!("the mount point {} does not exist", shown(point))))
}

/// The path of a descriptor: the directory found inside the image, whatever its name leads to.
fn held(directory: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()))
}

/// Whether a name is made from serial numbers or from where a disk is plugged in (udev(7)).
fn of_hardware(spec: &str) -> bool {
    let id = spec.strip_prefix("/dev/disk/by-id/");
    spec.starts_with("/dev/disk/by-path/") || id.is_some_and(|id| !id.starts_with("dm-name-"))
}

#[cfg(test)]
mod tests;
