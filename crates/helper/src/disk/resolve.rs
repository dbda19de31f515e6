//! Finds the device that fstab(5) means among the disks of the instance.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use crate::disk::lvm::{Lvm, mapper_name};
use crate::disk::probe::Kind;
use crate::disk::table::{Partition, Table};
use crate::disk::{device, probe};

/// Where volumes of LVM are seen.
const MAPPER: &str = "/dev/mapper";

/// One partition, or a whole disk without partitions, that holds something known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its node.
    pub device: PathBuf,
    /// What it holds.
    pub kind: Kind,
    uuid: Option<String>,
    label: Option<String>,
    part_uuid: Option<String>,
    part_label: Option<String>,
    place: Option<(usize, Option<u32>)>,
}

/// What the first field of an entry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Uuid(String),
    Label(String),
    PartUuid(String),
    PartLabel(String),
    /// The place of a disk among its like, from 0, and the number of a partition.
    Place(usize, Option<u32>),
    /// The name of a volume of LVM below `/dev/mapper`.
    Mapped(String),
}

/// The volumes of all disks, looked at one disk after the other as they are asked for.
#[derive(Debug)]
pub struct Volumes<'run> {
    disks: &'run [PathBuf],
    first: Option<&'run Table>,
    lvm: &'run mut Option<Lvm>,
    scanned: usize,
    found: Vec<Volume>,
    is_mapped: bool,
}

impl<'run> Volumes<'run> {
    /// The volumes of these disks; the table of the first one is known. Those of LVM are made
    /// visible when nothing else is what was asked for, unless they are already.
    #[must_use]
    pub fn new(
        disks: &'run [PathBuf],
        first: Option<&'run Table>,
        lvm: &'run mut Option<Lvm>,
    ) -> Self {
        Volumes {
            disks,
            first,
            lvm,
            scanned: 0,
            found: Vec::new(),
            is_mapped: false,
        }
    }

    /// The volume that the first field of an entry names; the first one in the order of the
    /// disks when several do. `None`: there is none.
    pub fn find(&mut self, spec: &str) -> Option<Volume> {
        let wanted = parse(spec)?;
        loop {
            if let Some(volume) = self.found.iter().find(|volume| volume.is(&wanted)) {
                return Some(volume.clone());
            }
            if let Some(disk) = self.disks.get(self.scanned) {
                self.scan(disk);
                self.scanned += 1;
            } else if self.is_mapped {
                return None;
            } else {
                self.scan_lvm();
                self.is_mapped = true;
            }
        }
    }

    /// How a volume of LVM is made that is there and that the helper cannot show, once it was
    /// not found.
    #[must_use]
    pub fn hidden(&self, spec: &str) -> Option<&str> {
        match parse(spec)? {
            Wanted::Mapped(name) => self.lvm.as_ref()?.layout_of_hidden(&name),
            _ => None,
        }
    }

    /// Whether something encrypted was among what was looked at.
    #[must_use]
    pub fn has_encrypted(&self) -> bool {
        let mut kinds = self.found.iter().map(|volume| volume.kind);
        kinds.any(|kind| matches!(kind, Kind::Luks | Kind::BitLocker))
    }

    /// Looks at the volumes of LVM. Where that is broken it has none.
    fn scan_lvm(&mut self) {
        let is_there = self.found.iter().any(|volume| volume.kind == Kind::Lvm);
        if self.lvm.is_none() && is_there {
            *self.lvm = Lvm::activate().ok();
        }
        let volumes: Vec<_> = self.lvm.iter().flat_map(Lvm::visible).cloned().collect();
        for volume in volumes {
            self.look(volume.device, None, None);
        }
    }

    /// Looks at one disk. A disk that cannot be understood has no volumes: it need not
    /// belong to the image.
    fn scan(&mut self, disk: &Path) {
        let read;
        let table = if self.scanned == 0 {
            self.first
        } else {
            read = Table::read(disk).ok().flatten();
            read.as_ref()
        };
        let place = self.scanned;
        match table {
            None => self.look(disk.into(), None, Some((place, None))),
            Some(table) => table.partitions.iter().for_each(|entry| {
                let device = device::partition(disk, entry.number);
                self.look(device, Some(entry), Some((place, Some(entry.number))));
            }),
        }
    }

    fn look(
        &mut self,
        device: PathBuf,
        partition: Option<&Partition>,
        place: Option<(usize, Option<u32>)>,
    ) {
        if let Ok(Some(found)) = probe::read(&device) {
            self.found.push(Volume {
                device,
                kind: found.kind,
                uuid: found.uuid,
                label: found.label,
                part_uuid: partition.map(|entry| entry.part_uuid.clone()),
                part_label: partition.and_then(|entry| entry.name.clone()),
                place,
            });
        }
    }
}

impl Volume {
    fn is(&self, wanted: &Wanted) -> bool {
        let same = |own: &Option<String>, id: &String| {
            own.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(id))
        };
        match wanted {
            Wanted::Uuid(id) => same(&self.uuid, id),
            Wanted::Label(label) => self.label.as_ref() == Some(label),
            Wanted::PartUuid(id) => same(&self.part_uuid, id),
            Wanted::PartLabel(label) => self.part_label.as_ref() == Some(label),
            Wanted::Place(disk, number) => self.place == Some((*disk, *number)),
            Wanted::Mapped(name) => self.device.strip_prefix(MAPPER) == Ok(Path::new(name)),
        }
    }
}

/// Takes `UUID=` and the like, `/dev/disk/by-uuid/` and the like, and names such as
/// `/dev/sda2`, `/dev/xvda2`, `/dev/nvme0n1p2`.
fn parse(spec: &str) -> Option<Wanted> {
    if let Some((tag, value)) = spec.split_once('=') {
        return tagged(&tag.to_ascii_uppercase(), value.into());
    }
    if let Some((directory, name)) = spec
        .strip_prefix("/dev/disk/by-")
        .and_then(|rest| rest.split_once('/'))
    {
        return tagged(&directory.to_ascii_uppercase(), unescaped(name));
    }
    node(spec.strip_prefix("/dev/")?)
}

/// The names of a volume of LVM: that of the device mapper, or group and volume.
fn mapped(name: &str) -> Option<Wanted> {
    let (directory, name) = name.split_once('/')?;
    Some(Wanted::Mapped(match directory {
        "mapper" => name.into(),
        group => mapper_name(group, name),
    }))
}

fn tagged(tag: &str, value: String) -> Option<Wanted> {
    Some(match tag {
        "UUID" => Wanted::Uuid(value),
        "LABEL" => Wanted::Label(value),
        "PARTUUID" => Wanted::PartUuid(value),
        "PARTLABEL" => Wanted::PartLabel(value),
        "ID" => Wanted::Mapped(value.strip_prefix("dm-name-")?.into()),
        _ => return None,
    })
}

fn node(name: &str) -> Option<Wanted> {
    if name.contains('/') {
        return mapped(name);
    }
    if let Some(rest) = name.strip_prefix("nvme") {
        let (disk, rest) = rest.split_once("n1")?;
        return place(disk.parse().ok()?, rest.strip_prefix('p').unwrap_or(rest));
    }
    if let Some(rest) = name.strip_prefix("mmcblk") {
        let (disk, number) = rest.split_once('p').unwrap_or((rest, ""));
        return place(disk.parse().ok()?, number);
    }
    let rest = ["sd", "vd", "hd", "xvd"]
        .iter()
        .find_map(|kind| name.strip_prefix(kind))?;
    let letter = rest.chars().next().filter(char::is_ascii_lowercase)?;
    let disk = usize::try_from(u32::from(letter).checked_sub(u32::from('a'))?).ok()?;
    place(disk, rest.strip_prefix(letter)?)
}

fn place(disk: usize, number: &str) -> Option<Wanted> {
    match number {
        "" => Some(Wanted::Place(disk, None)),
        _ => Some(Wanted::Place(disk, Some(number.parse().ok()?))),
    }
}

/// udev(7) writes what a file name should not hold as `\x` and two hexadecimal digits.
fn unescaped(name: &str) -> String {
    let mut parts = name.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let code = part
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (code, part.get(2..)) {
            (Some(code), Some(rest)) => {
                bytes.push(code);
                bytes.extend_from_slice(rest.as_bytes());
            }
            _ => {
                bytes.extend_from_slice(b"\\x");
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
