//! Which file system grows with the disk: that of the last partition, or the root on LVM in it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};

use crate::disk::lvm::{Group, Lvm, Volume};
use crate::disk::mount::{Access, mount, unmount_all};
use crate::disk::probe::{self, Kind};
use crate::disk::{detect, device};
use crate::error::{Doing, Result};
use crate::run::context::Context;

/// A device with what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// Its node.
    pub(super) device: PathBuf,
    /// How messages name it.
    pub(super) name: String,
    /// What it holds.
    pub(super) kind: Kind,
}

/// What was found out about the place that grows.
pub(super) enum Found {
    /// A file system, or something that hides one.
    Content(Content),
    /// The root on a volume of LVM, in a physical volume that grows.
    Volume {
        /// The device of the physical volume.
        physical: PathBuf,
        /// The group of both.
        group: Group,
        /// The volume.
        volume: Volume,
        /// The root on it.
        root: Content,
    },
    /// Nothing that grows, and why.
    Nothing(String),
}

impl Found {
    /// The file system that grows, or why there is none.
    pub(super) fn file_system(self) -> std::result::Result<Content, String> {
        match self {
            Found::Nothing(reason) => Err(reason),
            Found::Content(content) | Found::Volume { root: content, .. } => Ok(content),
        }
    }
}

/// Finds out what lies on the partition that grows, or on the whole disk.
///
/// # Errors
/// When it cannot be read, or LVM cannot be asked.
pub(super) fn find(context: &mut Context<'_>) -> Result<Found> {
    let disk = context.first_disk()?.to_path_buf();
    let (device, name) = match &context.table {
        None => (disk, "the image".to_owned()),
        Some(table) => match table.growing() {
            None => {
                return Ok(Found::Nothing(table.obstacle().unwrap_or_else(|| {
                    "the last partition is an extended one without content".into()
                })));
            }
            Some(last) => {
                let number = last.partition.number;
                let name = format!("partition {number} of the image");
                (device::partition(&disk, number), name)
            }
        },
    };
    Ok(match probe::read(&device)?.map(|found| found.kind) {
        None => Found::Nothing(format!("{name} holds no file system that is known")),
        Some(Kind::Luks) => Found::Nothing(format!(
            "{name} is encrypted (LUKS): what lies in it can only grow in the running machine, \
             which has the key"
        )),
        Some(Kind::BitLocker) => Found::Nothing(format!(
            "{name} is encrypted (BitLocker): what lies in it can only grow in the running machine, \
             which has the key"
        )),
        Some(Kind::Lvm) => root_on_lvm(context, device, &name)?,
        Some(kind) => Found::Content(Content { device, name, kind }),
    })
}

/// The root among the volumes of the group on a device.
fn root_on_lvm(context: &mut Context<'_>, physical: PathBuf, name: &str) -> Result<Found> {
    let root = root_volume(context)?;
    let lvm = lvm(context)?;
    let group = lvm.group_on(&physical);
    let (Some(group), Some(root)) = (group, root) else {
        return Ok(Found::Nothing(format!(
            "{name} holds LVM without the root of a system"
        )));
    };
    let volume = group.volumes.iter().find(|volume| volume.device == root);
    let content = probe::read(&root)?;
    let (Some(volume), Some(content)) = (volume, content) else {
        return Ok(Found::Nothing(format!(
            "the root does not lie in the LVM of {name}"
        )));
    };
    let content = Content {
        name: format!("volume {}/{} of the image", group.name, volume.name),
        device: root,
        kind: content.kind,
    };
    Ok(Found::Volume {
        physical,
        group: group.clone(),
        volume: volume.clone(),
        root: content,
    })
}

/// The volume of LVM that holds the root.
///
/// # Errors
/// When LVM cannot be asked.
pub(super) fn root_volume(context: &mut Context<'_>) -> Result<Option<PathBuf>> {
    if context.root_volume.is_none() {
        let aside = aside(context)?;
        context.root_volume = detect::find_volume(&lvm(context)?, &aside)?;
    }
    Ok(context.root_volume.clone())
}

/// A place to mount what the image does not mount, beside the image.
///
/// # Errors
/// When it cannot be made.
pub(super) fn aside(context: &Context<'_>) -> Result<PathBuf> {
    let aside = context.target.with_file_name("aside");
    fs::create_dir_all(&aside).doing(|| format!("making {}", aside.display()))?;
    Ok(aside)
}

/// Does something to a file system that the image itself does not mount, while it is mounted aside.
///
/// # Errors
/// When it cannot be mounted or unmounted, or that which is done fails.
pub(super) fn while_aside(
    context: &Context<'_>,
    content: &Content,
    act: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let aside = aside(context)?;
    mount(&content.device, content.kind, &aside, Access::Write, None)?;
    let outcome = act(&aside);
    outcome.and(unmount_all(&aside))
}

/// The volumes of LVM, made visible when they are asked for first.
///
/// # Errors
/// When LVM cannot be asked.
pub(super) fn lvm(context: &mut Context<'_>) -> Result<Lvm> {
    if let Some(lvm) = &context.lvm {
        return Ok(lvm.clone());
    }
    let lvm = Lvm::activate()?;
    context.lvm = Some(lvm.clone());
    Ok(lvm)
}
