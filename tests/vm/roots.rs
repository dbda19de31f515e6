//! Real systems whose root is not ext4: grown, booted, and reached by their networks.
//!
//! Each boot costs half a minute without KVM: btrfs, which boots twice, is left to `cargo xtask test --slow`.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};

use harness::{Owner, Scene};
use snf_image_testkit::disk::{self, Content, NewPartition, Table};
use snf_image_testkit::machine::Kernel;
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree::random_uuid;

/// The size of the image's partition in MiB.
const SIZE: u64 = 1500;

/// Copies the demo image's system but for documentation and the like into a new file system and tells its
/// fstab; the kernel goes beside it.
/// Arguments: the demo image, the offset of its root, the new file system's file, its kind, the scene.
const COPY: &str = r#"
mount -o loop,ro,offset="$2" "$1" /mnt
mkdir "$5/new"
mount -o loop "$3" "$5/new"
cd /mnt
find . -xdev -regextype egrep \
    -regex "\./(usr/share/(doc|i18n|locale|man)|var/cache|var/lib/apt/lists)/.*" -prune -o -print0 |
    cpio --quiet -0 -pdm "$5/new"
echo "UUID=$6 / $4 defaults 0 0" >"$5/new/etc/fstab"
cp boot/vmlinuz-* "$5/kernel"
cp boot/initrd.img-* "$5/initrd"
umount "$5/new"
"#;

/// An image of the demo system on a root of this kind, without a boot loader.
fn image(scene: &Scene, kind: &str) -> (PathBuf, Kernel) {
    let demo = &scene.product.demo_image;
    let offset = disk::last_partition(demo).unwrap().offset();
    // This machine mounts no two of one UUID.
    let uuid = random_uuid().unwrap();
    let root = scene.path("root");
    fs::File::create(&root)
        .unwrap()
        .set_len(SIZE << 20)
        .unwrap();
    let (program, option) = match kind {
        "xfs" => ("mkfs.xfs", format!("-muuid={uuid}")),
        _ => ("mkfs.btrfs", format!("-U{uuid}")),
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
        .arg(&uuid)
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
        command_line: format!("root=UUID={uuid} ro console=ttyS0,115200"),
    };
    (image, kernel)
}

/// What makes the machine this one, and what must not pile up in it.
const IDENTITY: &str = "cat /etc/machine-id /etc/ssh/ssh_host_*.pub";
const ONCE: &str = "cat /etc/fstab /etc/hosts /etc/network/interfaces /root/.ssh/authorized_keys";

/// Boots the machine of a root of this kind, reaches it, and gives what it has of both.
fn boot(owner: &Owner, kernel: &Kernel, disk: &Path, kind: &str) -> [String; 2] {
    let mut machine = owner.boot(disk, Some(kernel)).unwrap();
    assert_eq!(machine.run("findmnt -n -o FSTYPE /").unwrap(), kind);
    let size = machine.run("df --output=size -B1M / | tail -n 1").unwrap();
    assert!(size.trim().parse::<u64>().unwrap() > 3500, "{size}");
    let seen = [IDENTITY, ONCE].map(|command| machine.run(command).unwrap());
    machine.is_reached_by("root").unwrap();
    machine.power_off().unwrap();
    seen
}

#[test]
fn a_debian_on_xfs_grows_boots_and_is_reached() {
    let Some(scene) = Scene::set() else { return };
    let (image, kernel) = image(&scene, "xfs");
    let owner = scene.owner("root.example.org").unwrap();
    let arguments = owner.arguments(&["--size=4G"]);
    let done = scene.deploy(&image, "disk", arguments).unwrap();
    done.succeeded();
    let [identity, _] = boot(&owner, &kernel, &scene.path("disk"), "xfs");
    assert!(!identity.contains("00112233445566778899aabbccddeeff"));
}

/// And is installed again over the system that has run since.
#[test]
#[ignore = "two whole boots; what the helper does for btrfs is tried every day without one"]
fn a_debian_on_btrfs_grows_boots_and_is_installed_again() {
    let Some(scene) = Scene::set() else { return };
    let (image, kernel) = image(&scene, "btrfs");
    let owner = scene.owner("root.example.org").unwrap();
    let disk = scene.path("disk");
    let arguments = owner.arguments(&["--size=4G"]);
    let done = scene.deploy(&image, "disk", arguments).unwrap();
    done.succeeded();
    let [identity, once] = boot(&owner, &kernel, &disk, "btrfs");
    assert!(!identity.contains("00112233445566778899aabbccddeeff"));

    let null = Path::new("null");
    let done = scene.deploy(null, "disk", owner.arguments(&[])).unwrap();
    done.succeeded();
    let [other, again] = boot(&owner, &kernel, &disk, "btrfs");
    assert_eq!(again, once);
    let old: Vec<_> = identity.lines().collect();
    let (lines, kept) = (
        other.lines(),
        other.lines().filter(|line| old.contains(line)),
    );
    assert_eq!((lines.count(), kept.count()), (old.len(), 0), "{other}");
}
