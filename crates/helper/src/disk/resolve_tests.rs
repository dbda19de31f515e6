//! The ways in which fstab(5) names a device.
// SPDX-License-Identifier: BSD-2-Clause

use super::*;
use crate::run::testing::{resize, tool};

#[test]
fn all_ways_to_name_a_device_are_understood() {
    for (spec, wanted) in [
        ("UUID=ab-cd", Wanted::Uuid("ab-cd".into())),
        ("/dev/disk/by-uuid/ab-cd", Wanted::Uuid("ab-cd".into())),
        ("LABEL=my root", Wanted::Label("my root".into())),
        (
            "/dev/disk/by-label/my\\x20root",
            Wanted::Label("my root".into()),
        ),
        ("PARTUUID=1-2", Wanted::PartUuid("1-2".into())),
        ("/dev/disk/by-partuuid/1-2", Wanted::PartUuid("1-2".into())),
        ("PARTLABEL=x", Wanted::PartLabel("x".into())),
        (
            "/dev/disk/by-partlabel/a\\x",
            Wanted::PartLabel("a\\x".into()),
        ),
        ("/dev/vda2", Wanted::Place(0, Some(2))),
        ("/dev/sdb", Wanted::Place(1, None)),
        ("/dev/xvda15", Wanted::Place(0, Some(15))),
        ("/dev/hda1", Wanted::Place(0, Some(1))),
        ("/dev/nvme0n1p3", Wanted::Place(0, Some(3))),
        ("/dev/nvme1n1", Wanted::Place(1, None)),
        ("/dev/mmcblk0p1", Wanted::Place(0, Some(1))),
        ("/dev/mapper/vg-home", Wanted::Mapped("vg-home".into())),
        ("/dev/my-vg/home", Wanted::Mapped("my--vg-home".into())),
        (
            "/dev/disk/by-id/dm-name-vg-home",
            Wanted::Mapped("vg-home".into()),
        ),
    ] {
        assert_eq!(parse(spec), Some(wanted), "{spec}");
    }
}

#[test]
fn what_names_no_disk_names_nothing() {
    for spec in [
        "",
        "=",
        "none",
        "/dev/",
        "/dev/sd",
        "/dev/sd1",
        "/dev/sdä",
        "/dev/sdaa1",
        "/dev/sda-1",
        "/dev/disk/by-path/x",
        "/dev/nvmep1",
        "tmpfs",
        "FOO=bar",
    ] {
        assert_eq!(parse(spec), None, "{spec}");
    }
}

#[test]
fn a_volume_is_found_on_whichever_disk_it_lies() {
    let directory = tempfile::tempdir().unwrap();
    let disks = ["one", "two", "three"].map(|name| directory.path().join(name));
    for (disk, label) in disks.iter().zip(["root", "", "data"]) {
        resize(disk, 8 << 20);
        if !label.is_empty() {
            tool("mke2fs", &["-q", "-F", "-t", "ext4", "-L", label], disk);
        }
    }
    let mut lvm = None;
    let mut volumes = Volumes::new(&disks, None, &mut lvm);
    assert_eq!(volumes.find("LABEL=data").unwrap().device, disks[2]);
    assert_eq!(volumes.find("LABEL=root").unwrap().device, disks[0]);
    assert_eq!(volumes.find("/dev/sdc").unwrap().device, disks[2]);
    assert_eq!(volumes.find("/dev/sdb"), None);
    assert_eq!(volumes.find("LABEL=swap"), None);
}

#[test]
fn identifiers_are_compared_without_regard_to_case() {
    let volume = Volume {
        device: "/dev/vda1".into(),
        kind: Kind::Vfat,
        uuid: Some("ABCD-0123".into()),
        label: None,
        part_uuid: Some("00000abc-01".into()),
        part_label: None,
        place: Some((0, Some(1))),
    };
    assert!(volume.is(&Wanted::Uuid("abcd-0123".into())));
    assert!(volume.is(&Wanted::PartUuid("00000ABC-01".into())));
    assert!(!volume.is(&Wanted::Label(String::new())));
}
