//! Finds the root file system of the image and the family of its system.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use snf_image_protocol::{OsFamily, Properties};

use crate::disk::device;
use crate::disk::lvm::Lvm;
use crate::disk::mount::{Access, mount, unmount_all};
use crate::disk::ntfs;
use crate::disk::ostree;
use crate::disk::probe::{self, Kind};
use crate::disk::table::{Label, Partition, Table};
use crate::error::{Error, Result};
use crate::guest::immutable;
use crate::guest::root::Root;
use crate::guest::windows::registry::Hive;
use crate::guest::windows::system::{self, SOFTWARE, SYSTEM, Windows};
use crate::run::context::Reporter;

/// Types of partitions that hold the root of a Linux system (Discoverable Partitions
/// Specification, UAPI Group): one for each architecture.
const LINUX_ROOTS: [&str; 17] = [
    "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", // x86-64
    "44479540-F297-41B2-9AF7-D131D5F0458A", // x86
    "B921B045-1DF0-41C3-AF44-4C6F280D3FAE", // arm64
    "69DAD710-2CE4-4E3C-B16C-21A1D49ABED3", // arm
    "C31C45E6-3F39-412E-80FB-4809C4980599", // ppc64-le
    "912ADE1D-A839-4913-8964-A10EEE08FBD2", // ppc64
    "1DE3F1EF-FA98-47B5-8DCD-4A860A654D78", // ppc
    "5EEAD9A9-FE09-4A1E-A1D7-520D00531306", // s390x
    "08A7ACEA-624C-4A20-91E8-6E0FA67D23F9", // s390
    "72EC70A6-CF74-40E6-BD49-4BDA08E8F224", // riscv64
    "60D5A7FE-8E7D-435C-B714-3DD8162144E1", // riscv32
    "77055800-792C-4F94-B39A-98C91B762BB6", // loongarch64
    "993D8D3D-F80E-4225-855A-9DAF8ED7EA97", // ia64
    "700BDA43-7A34-4507-B179-EEB93D7A7CA3", // mips64-le
    "37C58C8A-D913-4156-A25F-48B1B64E07F0", // mips-le
    "6523F8AE-3EB1-4E2A-A05A-18B695AE656F", // alpha
    "D27F46ED-2919-4CB8-BD25-9531F3C16534", // arc
];

/// Types of partitions that hold a BSD system: GPT, then MBR.
const BSD_ROOTS: [(&str, OsFamily); 4] = [
    ("516E7CB6-6ECF-11D6-8FF8-00022D09712B", OsFamily::FreeBsd),
    ("A5", OsFamily::FreeBsd),
    ("A6", OsFamily::OpenBsd),
    ("A9", OsFamily::NetBsd),
];

/// Subvolumes that hold the root where the default one does not: Fedora's, Ubuntu's and
/// Arch's, Debian's.
const SUBVOLUMES: [&str; 3] = ["subvol=root", "subvol=@", "subvol=@rootfs"];

/// What the image turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct System {
    /// The family of its system.
    pub family: OsFamily,
    /// The partition of its root; `None`: the whole disk.
    pub partition: Option<u32>,
}

/// Finds out what the properties do not say, and checks what they say against the table.
///
/// # Errors
/// When nothing looks like a root, or the partition given is not there.
pub fn detect(
    disk: &Path,
    table: Option<&Table>,
    properties: &Properties,
    target: &Path,
    reporter: &mut dyn Reporter,
) -> Result<System> {
    let family = properties.os_family()?;
    let number = properties.root_partition()?;
    if let Some(number) = number {
        check_number(number, table)?;
    }
    if let (Some(family), Some(_)) = (family, number) {
        return Ok(System {
            family,
            partition: number,
        });
    }
    let found = match table {
        None => whole_disk(disk, target)?,
        Some(table) => {
            let search = Search {
                disk,
                table,
                target,
                only: number,
            };
            search.run()?
        }
    };
    let system = System {
        family: family.unwrap_or(found.family),
        partition: number.or(found.partition),
    };
    let place = system.partition.map_or("the whole disk".into(), |number| {
        format!("partition {number}")
    });
    reporter.notice(&format!(
        "OSFAMILY or ROOT_PARTITION is not given: taking {} on {place}",
        family_name(system.family)
    ));
    Ok(system)
}

/// Mounts an NTFS and says which Windows lies on it; without one it is unmounted again. `before`
/// is done before its registry is read.
///
/// # Errors
/// When it cannot be mounted, or its registry is damaged.
pub fn mount_windows(
    device: &Path,
    target: &Path,
    access: Access,
    before: impl FnOnce(&Root) -> Result<()>,
) -> Result<Option<Windows>> {
    mount(device, Kind::Ntfs, target, access, None)?;
    let root = Root::of_windows(target)?;
    let windows = if system::is_here(&root) {
        before(&root).and_then(|()| Windows::read(&root)).map(Some)
    } else {
        Ok(None)
    };
    drop(root);
    if matches!(windows, Ok(Some(_))) {
        return windows;
    }
    // Without its driver a volume has neither a Windows nor a way to be flushed.
    let fault = ntfs::driver::fault();
    let unmounted = unmount_all(target);
    match fault {
        Some(fault) => Err(fault),
        None => windows.and_then(|windows| unmounted.map(|()| windows)),
    }
}

/// Mounts a file system and says whether the root of a system lies on it; if not, it is
/// unmounted again.
///
/// # Errors
/// When the kernel refuses it.
pub fn mount_root(device: &Path, kind: Kind, target: &Path, access: Access) -> Result<bool> {
    mount(device, kind, target, access, None)?;
    if holds_system(target)? {
        return Ok(true);
    }
    if kind != Kind::Btrfs {
        return Ok(false);
    }
    for subvolume in SUBVOLUMES {
        if mount(device, kind, target, access, Some(subvolume)).is_err() {
            continue;
        }
        if holds_system(target)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether what is mounted is the root of a system. If not, nothing stays mounted.
fn holds_system(target: &Path) -> Result<bool> {
    let found = has_system(target);
    if !matches!(found, Ok(true)) {
        unmount_all(target)?;
    }
    found
}

fn has_system(target: &Path) -> Result<bool> {
    let root = Root::open(target)?;
    Ok(matches!(root.directory("/etc"), Ok(Some(_))) || ostree::enter(target)?)
}

fn whole_disk(disk: &Path, target: &Path) -> Result<System> {
    match probe::read(disk)? {
        Some(found) if found.kind == Kind::Ntfs => match family_on(disk, target)? {
            Some(family) => Ok(System {
                family,
                partition: None,
            }),
            None => Err(Error::image(
                "the image has no partition table and holds ntfs, on which no Windows is found: \
                 give the property OSFAMILY",
            )),
        },
        Some(found) if found.kind.is_linux() || found.kind == Kind::Lvm => Ok(System {
            family: OsFamily::Linux,
            partition: None,
        }),
        Some(found) => Err(Error::image(format!(
            "the image has no partition table and holds {}, on which no root is found: give \
             the property OSFAMILY",
            found.kind
        ))),
        None => Err(Error::image(
            "the image has no partition table and no file system that is known",
        )),
    }
}

fn check_number(number: u32, table: Option<&Table>) -> Result<()> {
    match table {
        None => Err(Error::image(format!(
            "ROOT_PARTITION={number}, but the image has no partition table"
        ))),
        Some(table) if table.partition(number).is_none() => Err(Error::image(format!(
            "ROOT_PARTITION={number}, but the image has no such partition: it has {}",
            table.numbers()
        ))),
        Some(_) => Ok(()),
    }
}

/// The search for a root among the partitions of a disk.
struct Search<'run> {
    disk: &'run Path,
    table: &'run Table,
    target: &'run Path,
    /// The partition given.
    only: Option<u32>,
}

impl Search<'_> {
    /// Looks at all partitions, or only at the one given.
    fn run(&self) -> Result<System> {
        let candidates: Vec<_> = self
            .table
            .partitions
            .iter()
            .filter(|entry| self.only.is_none_or(|number| number == entry.number))
            .collect();
        if let Some(system) = by_type(self.table.label, &candidates) {
            return Ok(system);
        }
        let mut contents = Vec::new();
        for entry in candidates {
            let device = device::partition(self.disk, entry.number);
            if let Some(found) = probe::read(&device)? {
                contents.push((entry.number, found.kind));
            }
        }
        self.by_looking(&contents)
    }

    /// The first one that has the files of a root. One that is alone is taken unseen: the
    /// image is mounted soon enough.
    fn by_looking(&self, contents: &[(u32, Kind)]) -> Result<System> {
        let linux = |number| System {
            family: OsFamily::Linux,
            partition: Some(number),
        };
        let hidden = contents
            .iter()
            .any(|(_, kind)| matches!(kind, Kind::Luks | Kind::Lvm));
        let candidates: Vec<_> = contents
            .iter()
            .filter(|(_, kind)| kind.is_linux())
            .collect();
        if let ([(number, _)], false) = (candidates.as_slice(), hidden) {
            return Ok(linux(*number));
        }
        for (number, kind) in candidates {
            let device = device::partition(self.disk, *number);
            if looks_like_root(&device, *kind, self.target)? {
                return Ok(linux(*number));
            }
        }
        for (number, _) in contents.iter().filter(|(_, kind)| *kind == Kind::Ntfs) {
            let device = device::partition(self.disk, *number);
            if let Some(family) = family_on(&device, self.target)? {
                return Ok(System {
                    family,
                    partition: Some(*number),
                });
            }
        }
        // Its volumes are looked at when the disk has its size: nothing may use it before.
        if let Some((number, _)) = contents.iter().find(|(_, kind)| *kind == Kind::Lvm) {
            return Ok(linux(*number));
        }
        if let Some(number) = self.only {
            return Err(Error::image(format!(
                "ROOT_PARTITION={number}, but no root of a system is found there: give the \
                 right number, or the property OSFAMILY as well"
            )));
        }
        if let Some(known) = immutable::by_partitions(Some(self.table)) {
            return Err(known);
        }
        let listed: Vec<_> = contents
            .iter()
            .map(|(number, kind)| format!("{number}: {kind}"))
            .collect();
        let listed = if listed.is_empty() {
            "nothing that is known".into()
        } else {
            listed.join(", ")
        };
        Err(Error::image(format!(
            "no partition of the image holds the root of a system ({listed}): give the \
             properties OSFAMILY and ROOT_PARTITION"
        )))
    }
}

/// A root by the type of its partition alone. Root types of Linux count only on GPT.
fn by_type(label: Label, candidates: &[&Partition]) -> Option<System> {
    let of = |wanted: &str| candidates.iter().find(|entry| entry.kind == wanted);
    let linux = LINUX_ROOTS
        .iter()
        .filter(|_| label == Label::Gpt)
        .find_map(|kind| of(kind));
    let bsd = || {
        BSD_ROOTS
            .iter()
            .find_map(|(kind, family)| of(kind).map(|entry| (entry, *family)))
    };
    let (entry, family) = linux.map(|entry| (entry, OsFamily::Linux)).or_else(bsd)?;
    Some(System {
        family,
        partition: Some(entry.number),
    })
}

/// Whether a file system has the files by which a root is known. One that cannot be mounted
/// is none.
fn looks_like_root(device: &Path, kind: Kind, target: &Path) -> Result<bool> {
    if !mount_root(device, kind, target, Access::Read).unwrap_or(false) {
        return Ok(false);
    }
    let root = Root::open(target)?;
    let signs = ["/etc/fstab", "/etc/os-release", "/usr/lib/os-release"];
    let is_root = signs.iter().any(|sign| root.exists(sign));
    drop(root);
    unmount_all(target)?;
    Ok(is_root)
}

/// The family of the Windows on an NTFS. One that cannot be mounted has none; one whose registry
/// cannot be read is a fault of the image.
fn family_on(device: &Path, target: &Path) -> Result<Option<OsFamily>> {
    let mut is_unfinished = false;
    let windows = mount_windows(device, target, Access::Read, |root| {
        is_unfinished = Hive::is_unfinished(root, SYSTEM)? || Hive::is_unfinished(root, SOFTWARE)?;
        Ok(())
    });
    let windows = match windows {
        Err(Error::Program { .. }) => None,
        // What is missing may stand in its logs. They are applied when it is mounted to be changed,
        // and a family that is not right after all is refused then.
        Err(_) if is_unfinished => return Ok(Some(OsFamily::Windows)),
        windows => windows?,
    };
    unmount_all(target)?;
    Ok(windows.map(|windows| windows.family()))
}

/// The volume of LVM that holds the root of a system.
///
/// # Errors
/// When one cannot be read.
pub fn find_volume(lvm: &Lvm, target: &Path) -> Result<Option<PathBuf>> {
    for volume in lvm.visible() {
        let found = probe::read(&volume.device)?;
        let Some(kind) = found.map(|found| found.kind).filter(|kind| kind.is_linux()) else {
            continue;
        };
        if looks_like_root(&volume.device, kind, target)? {
            return Ok(Some(volume.device.clone()));
        }
    }
    Ok(None)
}

/// How the property OSFAMILY spells a family.
#[must_use]
pub fn family_name(family: OsFamily) -> &'static str {
    match family {
        OsFamily::Linux => "linux",
        OsFamily::Windows => "windows",
        OsFamily::WindowsLegacy => "windows-legacy",
        OsFamily::FreeBsd => "freebsd",
        OsFamily::OpenBsd => "openbsd",
        OsFamily::NetBsd => "netbsd",
    }
}

#[cfg(test)]
#[path = "detect_tests.rs"]
mod tests;
