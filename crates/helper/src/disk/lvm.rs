//! LVM: its volumes made visible, and grown, by lvm(8).
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::disk::modules;
use crate::error::{Error, Result};
use crate::run::program;

/// Nothing but the machine's own disks is looked at, nobody answers udev's questions here, and
/// nothing is kept for later.
const CONFIG: &str = r#"
    devices { use_devicesfile=0 obtain_device_list_from_udev=0 external_device_info_source="none"
        filter=["a|^/dev/vd[a-z]+[0-9]*$|","r|.*|"] }
    activation { udev_sync=0 udev_rules=0 monitoring=0 }
    backup { backup=0 archive=0 }
    global { use_lvmpolld=0 event_activation=0 locking_dir="/run/lvm" }
"#;
/// What is asked about groups, physical volumes and logical volumes.
const REPORT: [&str; 16] = [
    "--reportformat",
    "json",
    "--units",
    "b",
    "--nosuffix",
    "--configreport",
    "vg",
    "--options",
    "vg_name,vg_extent_size,pv_count,vg_missing_pv_count",
    "--configreport",
    "pv",
    "--options",
    "pv_name,pv_pe_count,pe_start,dev_size",
    "--configreport",
    "lv",
    "--options",
];
const LV_OPTIONS: &str = "lv_name,lv_dm_path,lv_layout,lv_active";
/// More volumes than any image has, as a bound.
const MAX_VOLUMES: usize = 256;

/// The groups on the disks, their volumes visible below `/dev/mapper`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lvm {
    groups: Vec<Group>,
}

/// A volume group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// How many physical volumes it has.
    pub physical: u64,
    /// How many of them are on no disk.
    pub missing: u64,
    extent_size: u64,
    devices: Vec<Device>,
    /// Its volumes.
    pub volumes: Vec<Volume>,
}

/// A physical volume.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Device {
    path: PathBuf,
    extents: u64,
    start: u64,
    size: u64,
}

/// A logical volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its name in the group.
    pub name: String,
    /// Its node.
    pub device: PathBuf,
    /// How it is made, for example `linear` or `thin,sparse`.
    pub layout: String,
    /// Whether it is visible.
    pub is_active: bool,
}

impl Lvm {
    /// Makes all volumes visible that the kernel of the helper can show.
    ///
    /// # Errors
    /// When the kernel has no device mapper or `lvm` cannot tell what there is.
    pub fn activate() -> Result<Lvm> {
        modules::load("dm_mod")?;
        // Volumes that need more than this helper has stay hidden; the report tells which.
        let _ = lvm("vgchange", &["--activate", "y", "--quiet"])?;
        let mut arguments = REPORT.to_vec();
        arguments.push(LV_OPTIONS);
        parse(&lvm("fullreport", &arguments)?.success()?)
    }

    /// The group with a physical volume on this device.
    #[must_use]
    pub fn group_on(&self, device: &Path) -> Option<&Group> {
        let has = |group: &&Group| group.devices.iter().any(|own| own.path == device);
        self.groups.iter().find(has)
    }

    /// The volumes that this helper cannot show, each with how it is made. Pools hold volumes and
    /// no file system.
    #[must_use]
    pub fn hidden(&self) -> Vec<String> {
        let volumes = self.unseen();
        volumes
            .filter(|(_, volume)| !volume.layout.split(',').any(|word| word == "pool"))
            .map(|(group, volume)| format!("{}/{}: {}", group.name, volume.name, volume.layout))
            .collect()
    }

    /// How the one is made that would have this name below `/dev/mapper` if it could be shown.
    #[must_use]
    pub fn layout_of_hidden(&self, name: &str) -> Option<&str> {
        let mut volumes = self.unseen();
        volumes
            .find(|(group, volume)| mapper_name(&group.name, &volume.name) == name)
            .map(|(_, volume)| volume.layout.as_str())
    }

    fn unseen(&self) -> impl Iterator<Item = (&Group, &Volume)> {
        let groups = self.groups.iter();
        groups
            .flat_map(|group| group.volumes.iter().map(move |volume| (group, volume)))
            .filter(|(_, volume)| !volume.is_active)
    }

    /// The volumes of all groups that are visible.
    pub fn visible(&self) -> impl Iterator<Item = &Volume> {
        let volumes = self.groups.iter().flat_map(|group| &group.volumes);
        volumes.filter(|volume| volume.is_active)
    }
}

impl Group {
    /// Whether there is room for at least one extent behind the physical volume on this device.
    #[must_use]
    pub fn has_room(&self, device: &Path) -> bool {
        let own = self.devices.iter().find(|own| own.path == device);
        own.is_some_and(|own| {
            let room = own.size.saturating_sub(own.start);
            room.checked_div(self.extent_size).unwrap_or_default() > own.extents
        })
    }

    /// Why this volume is not made larger when the only physical volume is. `None`: it is.
    #[must_use]
    pub fn objection(&self, volume: &Volume) -> Option<String> {
        let name = &self.name;
        if self.missing > 0 || self.physical != 1 {
            return Some(format!(
                "volume group {name} has {} physical volumes, {} of them on no disk: only a \
                 group with one is grown",
                self.physical, self.missing
            ));
        }
        if !["linear", "striped"].contains(&volume.layout.as_str()) {
            return Some(format!(
                "volume {name}/{} is {}, which is not grown",
                volume.name, volume.layout
            ));
        }
        None
    }

    /// Gives a volume all the room behind the physical volume.
    ///
    /// # Errors
    /// When `lvm` fails.
    pub fn grow(&self, device: &Path, volume: &Volume) -> Result<()> {
        let device = device.to_string_lossy();
        lvm("pvresize", &["--quiet", &device])?.success()?;
        let name = format!("{}/{}", self.name, volume.name);
        let arguments = ["--quiet", "--extents", "+100%FREE", &name];
        lvm("lvextend", &arguments)?.success().map(drop)
    }
}

/// The name below `/dev/mapper` of a volume.
#[must_use]
pub fn mapper_name(group: &str, volume: &str) -> String {
    format!("{}-{}", group.replace('-', "--"), volume.replace('-', "--"))
}

fn lvm(command: &str, arguments: &[&str]) -> Result<program::Output> {
    let all = [&[command, "--config", CONFIG], arguments].concat();
    let all: Vec<_> = all.into_iter().map(OsStr::new).collect();
    program::command("lvm", &all, &[])
}

fn parse(json: &[u8]) -> Result<Lvm> {
    #[derive(Deserialize)]
    struct Answer {
        report: Vec<Report>,
    }
    #[derive(Deserialize)]
    struct Report {
        #[serde(default)]
        vg: Vec<Vg>,
        #[serde(default)]
        pv: Vec<Pv>,
        #[serde(default)]
        lv: Vec<Lv>,
    }
    // All values are texts.
    #[derive(Deserialize)]
    struct Vg {
        vg_name: String,
        vg_extent_size: String,
        pv_count: String,
        vg_missing_pv_count: String,
    }
    #[derive(Deserialize)]
    struct Pv {
        pv_name: String,
        pv_pe_count: String,
        pe_start: String,
        dev_size: String,
    }
    #[derive(Deserialize)]
    struct Lv {
        lv_name: String,
        lv_dm_path: String,
        lv_layout: String,
        lv_active: String,
    }
    let answer: Answer = serde_json::from_slice(json)
        .map_err(|error| Error::image(format!("reading what lvm says: {error}")))?;
    let number = |text: &str| text.trim().parse().unwrap_or_default();
    let groups = answer.report.into_iter().filter_map(|report| {
        let vg = report.vg.into_iter().next()?;
        let volumes = report.lv.into_iter().take(MAX_VOLUMES);
        Some(Group {
            physical: number(&vg.pv_count),
            missing: number(&vg.vg_missing_pv_count),
            extent_size: number(&vg.vg_extent_size),
            name: vg.vg_name,
            devices: report
                .pv
                .into_iter()
                .map(|pv| Device {
                    extents: number(&pv.pv_pe_count),
                    start: number(&pv.pe_start),
                    size: number(&pv.dev_size),
                    path: pv.pv_name.into(),
                })
                .collect(),
            volumes: volumes
                .map(|lv| Volume {
                    name: lv.lv_name,
                    device: lv.lv_dm_path.into(),
                    layout: lv.lv_layout,
                    is_active: lv.lv_active == "active",
                })
                .collect(),
        })
    });
    let groups: Vec<Group> = groups.collect();
    let are_names = |group: &Group| {
        let mut volumes = group.volumes.iter();
        is_name(&group.name) && volumes.all(|volume| is_name(&volume.name))
    };
    if groups.iter().all(are_names) {
        return Ok(Lvm { groups });
    }
    Err(Error::image(
        "the image has a volume of LVM with a name that LVM does not allow",
    ))
}

/// The names that lvm(8) allows, so that none is taken for an option or a path.
fn is_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"+_.-".contains(&byte);
    !text.is_empty() && !text.starts_with(['-', '.']) && text.bytes().all(legal)
}

#[cfg(test)]
#[path = "lvm_tests.rs"]
mod tests;
