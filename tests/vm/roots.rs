//! Real systems whose root is not ext4: grown, booted, and reached by their networks.
//!
//! Each boot costs half a minute without KVM, and what the helper does for these file systems is tried
//! every day without one: `cargo xtask test --slow` runs them.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(clippy::unwrap_used, reason = "a test may end on a fault")]

use std::fs;
use std::path::PathBuf;

use harness::Scene;
use snf_image_testkit::disk::{self, Content, NewPartition, Table};
use snf_image_testkit::machine::Kernel;
use snf_image_testkit::tool::Tool;

/// The UUID of the root file system.
const UUID: &str = "8a0c3c1e-5d0b-4b6f-9b57-1f7f0e7c2a11";

/// The size of the image's partition in MiB.
const SIZE: u64 = 1500;

/// Copies the demo image's system into a new file system and tells its fstab; the kernel goes beside it.
/// Arguments: the demo image, the offset of its root, the new file system's file, its kind, the scene.
const COPY: &str = r#"
mount -o loop,ro,offset="$2" "$1" /mnt
mkdir "$5/new"
mount -o loop "$3" "$5/new"
cd /mnt
find . -xdev -path ./usr/share/doc -prune -o -path ./var/cache -prune -o -print0 |
    cpio --quiet -0 -pdm "$5/new"
mkdir -p "$5/new/var/cache" "$5/new/usr/share/doc"
echo "UUID=$6 / $4 defaults 0 0" >"$5/new/etc/fstab"
cp boot/vmlinuz-* "$5/kernel"
cp boot/initrd.img-* "$5/initrd"
umount "$5/new"
"#;

/// An image of the demo system on a root of this kind, without a boot loader.
fn image(scene: &Scene, kind: &str) -> (PathBuf, Kernel) {
    let demo = &scene.product.demo_image;
    let offset = disk::last_partition(demo).unwrap().offset();
    let root = scene.path("root");
    fs::File::create(&root)
        .unwrap()
        .set_len(SIZE << 20)
        .unwrap();
    let (program, option) = match kind {
        "xfs" => ("mkfs.xfs", format!("-muuid={UUID}")),
        _ => ("mkfs.btrfs", format!("-U{UUID}")),
    };
    Tool::new(program)
        .args(["-q", &option])
        .arg(&root)
        .run()
        .unwrap();
    Tool::new("unshare")
        .args(["--mount", "sh", "-ec", COPY, "sh"])
        .arg(demo)
        .arg(offset.to_string())
        .arg(&root)
        .arg(kind)
        .arg(scene.directory())
        .arg(UUID)
        .run()
        .unwrap();
    let image = scene.path("image");
    let only = NewPartition::new(1, 1, SIZE, Content::Empty);
    disk::make(&image, SIZE + 2, Table::Gpt, &[only]).unwrap();
    Tool::new("dd")
        .arg(format!("if={}", root.display()))
        .arg(format!("of={}", image.display()))
        .args(["bs=1M", "seek=1", "conv=notrunc,sparse", "status=none"])
        .run()
        .unwrap();
    fs::remove_file(root).unwrap();
    let kernel = Kernel {
        image: scene.path("kernel"),
        initrd: scene.path("initrd"),
        command_line: format!("root=UUID={UUID} ro console=ttyS0,115200"),
    };
    (image, kernel)
}

fn a_machine_of_its_own(kind: &str) {
    let Some(scene) = Scene::set() else { return };
    let (image, kernel) = image(&scene, kind);
    let owner = scene.owner("root.example.org").unwrap();
    let arguments = owner.arguments(&["--size=4G"]);
    let done = scene.deploy(&image, "disk", arguments).unwrap();
    done.succeeded();
    let mut machine = owner.boot(&scene.path("disk"), Some(&kernel)).unwrap();
    assert_eq!(machine.run("findmnt -n -o FSTYPE /").unwrap(), kind);
    let size = machine.run("df --output=size -B1M / | tail -n 1").unwrap();
    assert!(size.trim().parse::<u64>().unwrap() > 3500, "{size}");
    let id = machine.run("cat /etc/machine-id").unwrap();
    assert_ne!(id, "00112233445566778899aabbccddeeff");
    machine.is_reached_by("root").unwrap();
    machine.power_off().unwrap();
}

#[test]
#[ignore = "a whole boot; what the helper does for xfs is tried every day without one"]
fn a_debian_on_xfs_grows_boots_and_is_reached() {
    a_machine_of_its_own("xfs");
}

#[test]
#[ignore = "a whole boot; what the helper does for btrfs is tried every day without one"]
fn a_debian_on_btrfs_grows_boots_and_is_reached() {
    a_machine_of_its_own("btrfs");
}
