//! File systems that no fstab(5) names: systemd finds them by the types of their partitions.
//!
//! The types are those of the Discoverable Partitions Specification (UAPI Group), the rules those
//! of systemd-gpt-auto-generator(8).
// SPDX-License-Identifier: BSD-2-Clause

use sha2::{Digest, Sha256};

use crate::disk::bytes::uuid_text;
use crate::disk::mount::Access;
use crate::disk::table::{Label, Partition, Table};

/// The type of an EFI system partition.
pub const ESP: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
/// The same in a master boot record.
pub const ESP_MBR: &str = "EF";

/// The types of `/usr`, one for each architecture.
const USR: [&str; 18] = [
    "8484680C-9521-48C6-9C11-B0720656F69E", // x86-64
    "75250D76-8CC6-458E-BD66-BD47CC81A812", // x86
    "B0E01050-EE5F-4390-949A-9101B17104E9", // arm64
    "7D0359A3-02B3-4F0A-865C-654403E70625", // arm
    "15BB03AF-77E7-4D4A-B12B-C0D084F7491C", // ppc64-le
    "2C9739E2-F068-46B3-9FD0-01C5A9AFBCCA", // ppc64
    "7D14FEC5-CC71-415D-9D6C-06BF0B3C3EAF", // ppc
    "8A4F5770-50AA-4ED3-874A-99B710DB6FEA", // s390x
    "CD0F869B-D0FB-4CA0-B141-9EA87CC78D66", // s390
    "BEAEC34B-8442-439B-A40B-984381ED097D", // riscv64
    "B933FB22-5C3F-4F91-AF90-E2BB0FA50702", // riscv32
    "E611C702-575C-4CBE-9A46-434FA0BF7E3F", // loongarch64
    "4301D2A6-4E3B-4B2A-BB94-9E0B2C4225EA", // ia64
    "57E13958-7331-4365-8E6E-35EEEE17C61B", // mips64
    "C97C1F32-BA06-40B4-9F22-236061B08AA8", // mips64-le
    "0F4868E9-9952-4706-979F-3ED3A473E947", // mips-le
    "773B2ABC-2A99-4398-8BF5-03BAAC40D02B", // mips
    "E18CF08C-33EC-4C0D-8246-C6C6FB3DA024", // alpha
];
const HOME: &str = "933AC7E1-2EB4-4F13-B844-0E14E2AEF915";
const SRV: &str = "3B8F8425-20E0-4F3B-907F-1A25A76F98E8";
const VAR: &str = "4D21B016-B534-45C2-A9FB-5C16E091FD2D";
const XBOOTLDR: &str = "BC13C2FF-59E6-4262-A352-B275FD6F7172";

/// Attribute bits of such a partition: not to be mounted, to be mounted read-only.
const NO_AUTO: u64 = 1 << 63;
const READ_ONLY: u64 = 1 << 60;

/// A partition whose type tells where it is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its number.
    pub number: u32,
    /// The mount points in the order in which they are tried: the first that is a directory of
    /// the image counts.
    pub points: &'static [&'static str],
    /// `/usr` is sealed in most such images and never written to.
    pub access: Access,
}

/// What is mounted, `/usr` first: of each type the first partition.
#[must_use]
pub fn mounts(table: &Table) -> Vec<Mount> {
    if table.label != Label::Gpt {
        return Vec::new();
    }
    let of = |kinds: &[&str]| {
        let is_wanted = |entry: &&Partition| {
            kinds.contains(&entry.kind.as_str()) && entry.attributes & NO_AUTO == 0
        };
        table.partitions.iter().find(is_wanted)
    };
    let boot = of(&[XBOOTLDR]);
    // Beside a boot partition of its own the EFI system partition has a place of its own.
    let efi: &[&str] = if boot.is_some() {
        &["/efi"]
    } else {
        &["/efi", "/boot"]
    };
    let candidates = [
        (of(&USR), &["/usr"] as &[_]),
        (of(&[VAR]), &["/var"]),
        (of(&[HOME]), &["/home"]),
        (of(&[SRV]), &["/srv"]),
        (boot, &["/boot"]),
        (of(&[ESP]), efi),
    ];
    candidates
        .into_iter()
        .filter_map(|(entry, points)| {
            let entry = entry?;
            let is_sealed = points == ["/usr"] || entry.attributes & READ_ONLY != 0;
            Some(Mount {
                number: entry.number,
                points,
                access: if is_sealed {
                    Access::Read
                } else {
                    Access::Write
                },
            })
        })
        .collect()
}

/// What the `PARTUUID` of `/var` must be for systemd to mount it in a machine with this id: the
/// id as the key of an HMAC-SHA256 over the type (sd_id128_get_machine_app_specific(3)). `None`:
/// this is no machine id.
#[must_use]
pub fn var_uuid(machine_id: &[u8]) -> Option<String> {
    let key = u128::from_str_radix(std::str::from_utf8(machine_id).ok()?.trim_end(), 16).ok()?;
    let key = key.to_be_bytes();
    let kind = u128::from_str_radix(&VAR.replace('-', ""), 16).ok()?;
    let keyed = |pad: u8| {
        let mut block = [pad; 64];
        block
            .iter_mut()
            .zip(key)
            .for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new()
        .chain_update(keyed(0x36))
        .chain_update(kind.to_be_bytes());
    let outer = Sha256::new()
        .chain_update(keyed(0x5c))
        .chain_update(inner.finalize());
    let mut id: [u8; 16] = *outer.finalize().first_chunk()?;
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut id;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    Some(uuid_text(&id))
}

/// The EFI system partition of a disk.
#[must_use]
pub fn esp(table: &Table) -> Option<&Partition> {
    let kind = match table.label {
        Label::Gpt => ESP,
        Label::Mbr => ESP_MBR,
    };
    table.partitions.iter().find(|entry| entry.kind == kind)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn table(kinds: &[(&str, u64)]) -> Table {
        let partitions = kinds
            .iter()
            .zip(1..)
            .map(|((kind, attributes), number)| Partition {
                number,
                start: 2048 * u64::from(number),
                size: 2048,
                kind: (*kind).into(),
                part_uuid: String::new(),
                name: None,
                attributes: *attributes,
            });
        Table {
            label: Label::Gpt,
            sector_size: 512,
            partitions: partitions.collect(),
            end: 1 << 20,
            unreachable: 0,
            needs_repair: false,
        }
    }

    #[test]
    fn each_type_has_its_place_and_the_first_of_a_type_counts() {
        let found = mounts(&table(&[
            (ESP, 0),
            (HOME, NO_AUTO),
            (HOME, READ_ONLY),
            (HOME, 0),
            (USR[0], 0),
        ]));
        let points: Vec<_> = found
            .iter()
            .map(|mount| (mount.number, mount.points[0]))
            .collect();
        assert_eq!(points, [(5, "/usr"), (3, "/home"), (1, "/efi")]);
        let access: Vec<_> = found.iter().map(|mount| mount.access).collect();
        assert_eq!(access, [Access::Read, Access::Read, Access::Write]);
        assert_eq!(found[2].points, ["/efi", "/boot"]);
    }

    #[test]
    fn beside_a_boot_partition_the_esp_is_not_boot() {
        let found = mounts(&table(&[(ESP, 0), (XBOOTLDR, 0)]));
        assert_eq!((found[0].number, found[0].points), (2, &["/boot"] as &[_]));
        assert_eq!((found[1].number, found[1].points), (1, &["/efi"] as &[_]));
        assert_eq!(esp(&table(&[(HOME, 0), (ESP, 0)])).unwrap().number, 2);
    }

    #[test]
    fn a_master_boot_record_tells_nothing() {
        let table = Table {
            label: Label::Mbr,
            ..table(&[(HOME, 0), (ESP_MBR, 0)])
        };
        assert!(mounts(&table).is_empty());
        assert_eq!(esp(&table).unwrap().number, 2);
    }

    #[test]
    fn var_belongs_to_one_machine_id() {
        // As `systemd-id128 --app-specific` says for this machine id.
        assert_eq!(
            var_uuid(b"0123456789abcdef0123456789abcdef\n").unwrap(),
            "c0c46eff-e386-4746-a2bd-0962cd326ea2"
        );
        for id in ["", "uninitialized", "\u{e9}"] {
            assert_eq!(var_uuid(id.as_bytes()), None);
        }
    }

    #[test]
    fn the_types_are_those_that_systemd_knows() {
        let output = Command::new("systemd-id128").arg("show").output().unwrap();
        let known = String::from_utf8(output.stdout).unwrap();
        let is_known = |name: &str, kind: &str| {
            let id = kind.replace('-', "").to_ascii_lowercase();
            known
                .lines()
                .any(|line| line.starts_with(name) && line.ends_with(&id))
        };
        for kind in USR {
            assert!(is_known("usr-", kind), "{kind}");
        }
        for (name, kind) in [
            ("home ", HOME),
            ("srv ", SRV),
            ("var ", VAR),
            ("xbootldr ", XBOOTLDR),
            ("esp ", ESP),
        ] {
            assert!(is_known(name, kind), "{kind}");
        }
    }
}
