//! Which entries of the image's fstab(5) are mounted, in which order, and which are not.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use crate::guest::fstab::Entry;

/// The types of file system that are mounted when their device is there.
const LOCAL: [&str; 10] = [
    "auto", "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "vfat", "msdos", "fat",
];

/// What is done with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// It is mounted; whether the deployment fails when that is not possible.
    Mount {
        /// Neither `nofail` nor `noauto` stands in its options.
        required: bool,
    },
    /// It is left out, and why.
    Leave(&'static str),
}

/// The entries besides that of the root, each below the one it needs, with their plans.
#[must_use]
pub fn plan(mut entries: Vec<Entry>) -> Vec<(Entry, Plan)> {
    entries.retain(|entry| entry.file != Path::new("/"));
    entries.sort_by(|one, other| one.file.cmp(&other.file));
    entries
        .into_iter()
        .map(|entry| {
            let plan = decide(&entry);
            (entry, plan)
        })
        .collect()
}

/// The subvolume that the options of a btrfs entry ask for.
#[must_use]
pub fn subvolume(entry: &Entry) -> Option<&str> {
    options(entry).find_map(|option| option.strip_prefix("subvol="))
}

fn decide(entry: &Entry) -> Plan {
    let has = |wanted: &str| options(entry).any(|option| option == wanted);
    let device = entry.spec.strip_prefix("/dev/").unwrap_or_default();
    let starts = |names: &[&str]| names.iter().any(|name| device.starts_with(name));
    if entry.vfstype == "swap" {
        Plan::Leave("swap")
    } else if has("bind") || has("rbind") {
        Plan::Leave("bind mount")
    } else if starts(&["fd", "floppy"]) {
        Plan::Leave("floppy")
    } else if starts(&["sr", "cdrom", "dvd", "scd"]) || entry.vfstype.contains("iso9660") {
        Plan::Leave("optical disc")
    } else if has("_netdev") || !entry.file.is_absolute() {
        Plan::Leave("not local")
    } else if !LOCAL.contains(&entry.vfstype.as_str()) {
        Plan::Leave("not a local file system that is known")
    } else {
        Plan::Mount {
            required: !has("nofail") && !has("noauto"),
        }
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
            "/home /srv/home none bind",
            "/home /srv/home ext4 rw,bind",
            "UUID=1 data ext4",
        ] {
            let plans = planned(line);
            assert!(matches!(plans[0].1, Plan::Leave(_)), "{line}: {plans:?}");
        }
    }

    #[test]
    fn what_may_be_missing_is_not_required() {
        for (options, required) in [("defaults", true), ("ro,nofail", false), ("noauto", false)] {
            let plans = planned(&format!("LABEL=x /srv ext4 {options}"));
            assert_eq!(plans[0].1, Plan::Mount { required });
        }
    }

    #[test]
    fn the_subvolume_stands_in_the_options() {
        let entries = parse(b"UUID=1 /home btrfs compress=zstd:1,subvol=home 0 0");
        assert_eq!(subvolume(&entries[0]), Some("home"));
    }
}
