//! Which entries of the image's fstab(5) are mounted, in which order, and which are not.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use crate::disk::mount::Access;
use crate::guest::fstab::Entry;

/// The types of file system that are mounted when their device is there.
const LOCAL: [&str; 10] = [
    "auto", "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "vfat", "msdos", "fat",
];

/// The types that only show what the kernel knows.
const KERNEL: [&str; 12] = [
    "proc",
    "sysfs",
    "devpts",
    "devtmpfs",
    "debugfs",
    "tracefs",
    "securityfs",
    "configfs",
    "cgroup",
    "cgroup2",
    "mqueue",
    "bpf",
];

/// The most bind mounts whose place in the order counts for what lies below them.
const MAX_BINDS: usize = 64;

/// The types that show other directories, and what was written over them.
const LAYERS: [&str; 3] = ["overlay", "overlayfs", "aufs"];

/// What is done with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// It is mounted.
    Mount {
        /// Whether the deployment fails when that is not possible: neither `nofail` nor
        /// `noauto` stands in its options.
        required: bool,
        /// `ro` keeps it unchanged: a sealed `/usr` must stay as it is, byte for byte.
        access: Access,
    },
    /// A directory of the image is seen here too; with `deep`, also what is mounted below it.
    Bind {
        /// `rbind`
        deep: bool,
    },
    /// It is left out, and why. The running machine has something else there: what lies below
    /// is hidden then.
    Hidden(&'static str),
    /// It is left out, and why.
    Leave(&'static str),
}

/// The entries besides that of the root, each behind those that it needs, with their plans.
#[must_use]
pub fn plan(mut entries: Vec<Entry>) -> Vec<(Entry, Plan)> {
    entries.retain(|entry| entry.file != Path::new("/"));
    let mut plans: Vec<_> = entries
        .into_iter()
        .map(|entry| {
            let plan = decide(&entry);
            (entry, plan)
        })
        .collect();
    // A directory is seen a second time once all is mounted that it lies in.
    let binds: Vec<_> = plans
        .iter()
        .filter(|(_, plan)| matches!(plan, Plan::Bind { .. }))
        .take(MAX_BINDS)
        .map(|(entry, _)| (entry.file.clone(), after(entry)))
        .collect();
    plans.sort_by_cached_key(|(entry, plan)| {
        if matches!(plan, Plan::Bind { .. }) {
            return (after(entry), 1_u8, entry.file.clone());
        }
        let around = binds
            .iter()
            .filter(|(file, _)| entry.file.starts_with(file) && entry.file != *file);
        let latest = around.map(|(_, after)| after).max();
        match latest.filter(|latest| **latest > entry.file) {
            Some(latest) => (latest.clone(), 2, entry.file.clone()),
            None => (entry.file.clone(), 0, entry.file.clone()),
        }
    });
    plans
}

/// The later one of both ends of a bind mount.
fn after(entry: &Entry) -> PathBuf {
    entry.file.as_path().max(Path::new(&entry.spec)).into()
}

/// The option by which a btrfs entry asks for a subvolume, by path or by number.
#[must_use]
pub fn subvolume(entry: &Entry) -> Option<&str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    options(entry).find(|option| {
        let number = option.strip_prefix("subvolid=");
        option.starts_with("subvol=") || number.is_some_and(is_number)
    })
}

fn decide(entry: &Entry) -> Plan {
    let has = |wanted: &str| options(entry).any(|option| option == wanted);
    let device = entry.spec.strip_prefix("/dev/").unwrap_or_default();
    let starts = |names: &[&str]| names.iter().any(|name| device.starts_with(name));
    if entry.vfstype == "swap" {
        Plan::Leave("swap")
    } else if starts(&["fd", "floppy"]) {
        Plan::Leave("floppy")
    } else if starts(&["sr", "cdrom", "dvd", "scd"]) || entry.vfstype.contains("iso9660") {
        Plan::Leave("optical disc")
    } else if !entry.file.is_absolute() {
        Plan::Leave("not local")
    } else if has("bind") || has("rbind") {
        if has("noauto") {
            Plan::Leave("bind mount that is not made at the start")
        } else if !of_image(&entry.spec) {
            Plan::Leave("bind mount of what only the running machine has")
        } else {
            Plan::Bind { deep: has("rbind") }
        }
    } else if KERNEL.contains(&entry.vfstype.as_str()) {
        Plan::Leave("made by the kernel")
    } else if LAYERS.contains(&entry.vfstype.as_str()) {
        Plan::Leave("laid over other directories")
    } else if has("_netdev") || foreign(&entry.vfstype).is_some() {
        let reason = foreign(&entry.vfstype).unwrap_or("not local");
        if has("noauto") && !has("x-systemd.automount") {
            Plan::Leave(reason)
        } else {
            Plan::Hidden(reason)
        }
    } else {
        Plan::Mount {
            required: !has("nofail") && !has("noauto"),
            // The last word counts, as for mount(8).
            access: match options(entry)
                .filter(|word| matches!(*word, "ro" | "rw"))
                .last()
            {
                Some("ro") => Access::Read,
                _ => Access::Write,
            },
        }
    }
}

/// Whether what is bound lies in the file systems of the image.
fn of_image(source: &str) -> bool {
    let of_machine = ["/dev", "/proc", "/sys", "/run"];
    let source = Path::new(source);
    source.is_absolute() && !of_machine.iter().any(|own| source.starts_with(own))
}

/// Why a type of file system is not mounted. A list of types is tried in its order, mount(8):
/// one of them that is known is enough.
fn foreign(vfstype: &str) -> Option<&'static str> {
    let is_in = |names: &[&str]| vfstype.split(',').any(|name| names.contains(&name));
    if is_in(&LOCAL) {
        None
    } else if is_in(&["tmpfs", "ramfs", "hugetlbfs"]) {
        Some("in memory")
    } else if is_in(&[
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "ceph",
        "glusterfs",
        "9p",
        "virtiofs",
    ]) {
        Some("network")
    } else {
        Some("not a local file system that is known")
    }
}

fn options(entry: &Entry) -> impl Iterator<Item = &str> {
    entry.options.split(',')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::fstab::parse;

    fn planned(table: &str) -> Vec<(String, Plan)> {
        plan(parse(table.as_bytes()))
            .into_iter()
            .map(|(entry, plan)| (entry.file.to_string_lossy().into_owned(), plan))
            .collect()
    }

    #[test]
    fn mount_points_come_after_those_they_lie_in() {
        let table = "UUID=3 /srv/data ext4\nUUID=1 / ext4\nUUID=2 /srv ext4\nUUID=4 /boot vfat";
        let order: Vec<_> = planned(table).into_iter().map(|(point, _)| point).collect();
        assert_eq!(order, ["/boot", "/srv", "/srv/data"]);
    }

    #[test]
    fn only_local_file_systems_are_mounted() {
        for line in [
            "proc /proc proc",
            "tmpfs /tmp tmpfs",
            "none /sys/kernel/debug debugfs",
            "server:/home /home nfs4",
            "//server/home /home cifs",
            "/dev/sdb1 /data xfs _netdev",
            "/dev/sr0 /media/cdrom0 udf,iso9660",
            "/dev/cdrom /media/cdrom auto",
            "/dev/fd0 /media/floppy0 auto",
            "UUID=1 none swap sw",
            "/dev /srv/chroot/dev none bind",
            "/home /srv/home none bind,noauto",
            "UUID=1 data ext4",
        ] {
            let plans = planned(line);
            assert!(
                matches!(plans[0].1, Plan::Leave(_) | Plan::Hidden(_)),
                "{line}: {plans:?}"
            );
        }
    }

    #[test]
    fn what_may_be_missing_is_not_required_and_what_is_sealed_stays_so() {
        for (options, required, access) in [
            ("defaults", true, Access::Write),
            ("ro,nofail", false, Access::Read),
            ("noauto", false, Access::Write),
            ("ro,rw", true, Access::Write),
        ] {
            let plans = planned(&format!("LABEL=x /srv ext4 {options}"));
            assert_eq!(plans[0].1, Plan::Mount { required, access });
        }
        let plans = planned("LABEL=x /srv xfs,ext4");
        assert!(matches!(plans[0].1, Plan::Mount { .. }), "{plans:?}");
    }

    #[test]
    fn a_directory_is_seen_again_once_it_is_whole() {
        let table = "/srv/home /home none bind\nUUID=3 /home/data ext4\nUUID=2 /srv ext4\n\
            UUID=4 /srv/home ext4\n/opt/x /usr/x none rw,rbind\nUUID=5 /zoo ext4";
        let order: Vec<_> = planned(table).into_iter().map(|(point, _)| point).collect();
        let expected = ["/srv", "/srv/home", "/home", "/home/data", "/usr/x", "/zoo"];
        assert_eq!(order, expected);
        let plans = planned("/home /srv/home ext4 rw,bind\n/home /srv/x none rbind");
        assert_eq!(plans[0].1, Plan::Bind { deep: false });
        assert_eq!(plans[1].1, Plan::Bind { deep: true });
    }

    #[test]
    fn what_the_machine_mounts_at_its_start_hides_what_lies_below() {
        for (options, is_hidden) in [
            ("defaults", true),
            ("nofail", true),
            ("noauto", false),
            ("noauto,x-systemd.automount", true),
        ] {
            for kind in [
                "server:/home /home nfs",
                "tmpfs /home tmpfs",
                "/dev/x /home jfs",
            ] {
                let plans = planned(&format!("{kind} {options}"));
                assert_eq!(
                    matches!(plans[0].1, Plan::Hidden(_)),
                    is_hidden,
                    "{plans:?}"
                );
            }
        }
    }

    #[test]
    fn each_reason_says_what_the_entry_is() {
        for (line, reason) in [
            ("proc /proc proc", "made by the kernel"),
            ("tmpfs /tmp tmpfs", "in memory"),
            (
                "overlay /etc overlay lowerdir=/sysroot/etc",
                "laid over other directories",
            ),
            ("server:/home /home nfs4", "network"),
            (
                "tank/home /home zfs",
                "not a local file system that is known",
            ),
        ] {
            let plan = planned(line)[0].1;
            let is_it = plan == Plan::Leave(reason) || plan == Plan::Hidden(reason);
            assert!(is_it, "{line}: {plan:?}");
        }
    }

    #[test]
    fn the_subvolume_stands_in_the_options() {
        for (options, subvolume_option) in [
            ("compress=zstd:1,subvol=home", Some("subvol=home")),
            ("subvolid=256", Some("subvolid=256")),
            ("subvolid=x", None),
            ("noatime", None),
        ] {
            let entries = parse(format!("UUID=1 /home btrfs {options} 0 0").as_bytes());
            assert_eq!(subvolume(&entries[0]), subvolume_option);
        }
    }
}
