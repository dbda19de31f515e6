//! Real systems whose root is not ext4: grown, booted, and reached by their networks.
//!
//! Each boot costs half a minute without KVM, and what the helper does for these file systems is tried
//! every day without one: these two are run by `cargo nextest run --run-ignored all`.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(clippy::unwrap_used, reason = "a test may end on a fault")]

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use harness::Scene;
use snf_image_testkit::disk::{self, Content, NewPartition, Table};
use snf_image_testkit::machine::{Kernel, Machine, UserNetwork};
use snf_image_testkit::tool::Tool;

const BOOT: Duration = Duration::from_secs(240);

const STATIC: &str = "52:54:00:5e:00:01";
const DHCP: &str = "52:54:00:5e:00:02";

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
    let key = scene.path("key");
    Tool::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .run()
        .unwrap();
    let password = scene.write("password", "correct horse\n").unwrap();
    let fixed = format!("mac={STATIC},address=10.0.2.77/24,gateway=10.0.2.2,dns=10.0.2.3");
    let asking = format!("mac={DHCP},dhcp");
    scene
        .deploy(
            &image,
            "disk",
            [
                "--size=4G",
                "--hostname=root.example.org",
                "--password-file",
                password.to_str().unwrap(),
                "--ssh-key",
                key.with_extension("pub").to_str().unwrap(),
                "--nic",
                &fixed,
                "--nic",
                &asking,
            ],
        )
        .unwrap()
        .succeeded();
    let networks = [
        UserNetwork::new(DHCP, "10.9.8.0/24", "10.9.8.15").unwrap(),
        UserNetwork::new(STATIC, "10.0.2.0/24", "10.0.2.77").unwrap(),
    ];
    let mut machine = Machine::boot_by(&kernel, &scene.path("disk"), &networks).unwrap();
    let console = &mut machine.console;
    console.login("root", "correct horse", BOOT).unwrap();
    let state = console.run("systemctl is-system-running --wait").unwrap();
    assert_eq!(state, "running");
    assert_eq!(console.run("findmnt -n -o FSTYPE /").unwrap(), kind);
    let size = console.run("df --output=size -B1M / | tail -n 1").unwrap();
    assert!(size.trim().parse::<u64>().unwrap() > 3500, "{size}");
    let id = console.run("cat /etc/machine-id").unwrap();
    assert_ne!(id, "00112233445566778899aabbccddeeff");
    for network in &networks {
        let said = network.ssh("root", &key, "hostname");
        assert_eq!(said.unwrap(), "root.example.org\n");
    }
    console.send_line("poweroff").unwrap();
    assert!(machine.wait_for_power_off().unwrap().success());
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
