//! Systems whose files are not changed from outside, told by name with the way that they offer.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use super::os_release;
use super::root::Root;
use crate::disk::table::Table;
use crate::error::{Error, Result};

/// What every refusal ends with.
const WAY_OUT: &str = "deploy it with the property EXCLUDE_MOUNTED_TASKS=yes";

/// Types and names of partitions by which a system is known that has no `/etc` before its first
/// start: Flatcar's `/usr` (coreos-usr), the data of Ubuntu Core.
const BY_PARTITION: [(Mark, &str, &str); 3] = [
    (
        Mark::Kind("5DFBF5F4-2848-4BAC-AA5E-0D9A20B745A6"),
        "Flatcar Container Linux",
        "Ignition",
    ),
    (
        Mark::Name("ubuntu-seed"),
        "Ubuntu Core",
        "its gadget snap or cloud-init",
    ),
    (
        Mark::Name("BOTTLEROCKET-ROOT-A"),
        "Bottlerocket",
        "its user data",
    ),
];

/// Systems whose `/etc` is generated from a description, so that no change lasts.
const GENERATED: [(&str, &str); 2] = [("nixos", "NixOS"), ("guix", "Guix System")];

#[derive(Debug, Clone, Copy)]
enum Mark {
    Kind(&'static str),
    Name(&'static str),
}

/// Why an image without a root is none that can be customised; `None`: nothing is known of it.
#[must_use]
pub fn by_partitions(table: Option<&Table>) -> Option<Error> {
    let table = table?;
    let has = |mark: Mark| {
        table.partitions.iter().any(|entry| match mark {
            Mark::Kind(kind) => entry.kind == kind,
            Mark::Name(name) => entry.name.as_deref() == Some(name),
        })
    };
    let (_, name, means) = BY_PARTITION.iter().find(|(mark, ..)| has(*mark))?;
    Some(Error::image(format!(
        "the image is {name}, which makes its /etc at its first start: configure it by {means}, and \
         {WAY_OUT}"
    )))
}

/// Refuses a system whose `/etc` cannot be changed, or not for long.
///
/// # Errors
/// The refusal, with the name of the system.
pub fn check(root: &Root) -> Result<()> {
    let release = os_release::read(root)?.unwrap_or_default();
    if let Some((_, name)) = GENERATED.iter().find(|(id, _)| *id == release.id) {
        return Err(Error::image(format!(
            "the image is {name}, which generates /etc from its own description: describe the \
             machine there, or by its cloud-init, and {WAY_OUT}"
        )));
    }
    if root.is_writable(Path::new("/etc"))? {
        return Ok(());
    }
    let name = if release.id.is_empty() {
        "of an unknown distribution".to_owned()
    } else {
        release.id.escape_debug().to_string()
    };
    let means = match release.id.as_str() {
        "opensuse-microos" | "sle-micro" | "sl-micro" | "suse-microos" => "Ignition or Combustion",
        _ => "what it offers for that at its first start",
    };
    Err(Error::image(format!(
        "the image ({name}) has an /etc that cannot be written to, as systems with read-only \
         snapshots have: configure it by {means}, and {WAY_OUT}"
    )))
}

#[cfg(test)]
mod tests {
    use rustix::mount::{MountFlags, mount_bind, mount_remount};

    use super::super::testing::Image;
    use super::*;
    use crate::disk::table::{Label, Partition};

    fn table(kind: &str, name: &str) -> Table {
        let partition = Partition {
            number: 3,
            start: 2048,
            size: 2048,
            kind: kind.into(),
            part_uuid: String::new(),
            name: Some(name.into()),
            attributes: 0,
        };
        Table {
            label: Label::Gpt,
            sector_size: 512,
            partitions: vec![partition],
            end: 8192,
            unreachable: 0,
            needs_repair: false,
        }
    }

    #[test]
    fn systems_without_a_root_are_named_by_their_partitions() {
        let named = |kind: &str, name: &str| {
            by_partitions(Some(&table(kind, name))).map(|error| error.to_string())
        };
        let flatcar = named("5DFBF5F4-2848-4BAC-AA5E-0D9A20B745A6", "USR-A").unwrap();
        assert!(
            flatcar.contains("Flatcar") && flatcar.contains("Ignition"),
            "{flatcar}"
        );
        assert!(flatcar.contains("EXCLUDE_MOUNTED_TASKS=yes"), "{flatcar}");
        assert!(named("", "ubuntu-seed").unwrap().contains("Ubuntu Core"));
        assert_eq!(named("", "root"), None);
    }

    #[test]
    fn a_read_only_snapshot_is_refused_by_name() {
        let image = Image::empty();
        image.file("/etc/os-release", "ID=opensuse-microos\n");
        let error = image.confined(|_| {
            mount_bind("/image", "/image").unwrap();
            mount_remount("/image", MountFlags::BIND | MountFlags::RDONLY, c"").unwrap();
            let root = Root::open(Path::new("/image")).unwrap();
            check(&root).unwrap_err().to_string()
        });
        for word in [
            "opensuse-microos",
            "Combustion",
            "EXCLUDE_MOUNTED_TASKS=yes",
        ] {
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_generated_etc_is_refused_by_name() {
        let image = Image::empty();
        image.file("/etc/os-release", "ID=nixos\n");
        let error = image.confined(|root| check(&root).unwrap_err().to_string());
        assert!(error.contains("NixOS"), "{error}");
        let debian = Image::debian();
        debian.confined(|root| check(&root).unwrap());
    }
}
