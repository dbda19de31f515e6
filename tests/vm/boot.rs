//! A real system: deployed, booted, and let in to by every way that its owner asked for.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use harness::{Running, Scene};
use snf_image_testkit::disk;
use snf_image_testkit::ext::Ext;

/// The script for the first boot: it says who runs it and how often, and whether the network is up.
const FIRST_BOOT: &str = "#!/bin/sh\n{ id -un; ip -4 -o addr show nic0; } >>/root/first-boot\n";

/// What no two deployments have in common.
const IDENTITY: [&str; 3] = [
    "/etc/machine-id",
    "/etc/ssh/ssh_host_ed25519_key.pub",
    "/etc/ssh/ssh_host_rsa_key.pub",
];

/// What two deployments onto one disk leave like one.
const ONCE: [&str; 10] = [
    "/etc/fstab",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/passwd",
    "/etc/group",
    "/etc/subuid",
    "/etc/sudoers.d/90-snf-image-user",
    "/etc/network/interfaces",
    "/etc/udev/rules.d/70-snf-image-net.rules",
    "/home/admin/.ssh/authorized_keys",
];

/// The root of the deployed disk, which has swap space behind it.
fn root(scene: &Scene) -> Ext {
    let disk = scene.path("disk");
    let partitions = disk::partitions(&disk).unwrap();
    let mut roots = partitions
        .iter()
        .filter(|partition| partition.node.ends_with("disk1"));
    Ext::at(&disk, roots.next().unwrap().offset())
}

fn texts(root: &Ext, paths: &[&str]) -> Vec<String> {
    let text = |path: &&str| format!("{path}:\n{}", root.text(path).unwrap());
    paths.iter().map(text).collect()
}

/// The machine is deployed, and once more onto the disk that it has by then, before it boots.
#[test]
fn the_deployed_debian_boots_and_lets_its_owner_in() {
    let Some(scene) = Scene::set() else { return };
    let owner = scene.owner("boot.example.org").unwrap();
    let file = scene.write("file", "content\n").unwrap();
    let script = scene.write("script", FIRST_BOOT).unwrap();
    let inject = format!("--inject={}:/opt/file", file.display());
    let first_boot = format!("--first-boot={}", script.display());
    let mut arguments = owner.arguments(&[
        "--property=USERS=root admin",
        "--property=CREATE_USER=admin::sudo",
        "--property=CREATE_USER_SUDO=nopasswd",
        "--property=SWAP=3:64",
        &inject,
        &first_boot,
        "--size=6G",
    ]);
    let image = &scene.product.demo_image;
    let done = scene.deploy(image, "disk", &arguments).unwrap();
    done.succeeded();
    let before = root(&scene);
    let (identity, once) = (texts(&before, &IDENTITY), texts(&before, &ONCE));

    arguments.pop();
    let null = Path::new("null");
    let done = scene.deploy(null, "disk", &arguments).unwrap();
    done.succeeded();
    let after = root(&scene);
    assert_eq!(after.problems().unwrap(), "");
    assert_eq!(disk::gpt_problems(&scene.path("disk")).unwrap(), "");
    assert_eq!(texts(&after, &ONCE), once);
    let fresh = texts(&after, &IDENTITY);
    for (old, new) in identity.iter().zip(&fresh) {
        assert_ne!(old, new);
    }
    let disk_id = after.text("/etc/machine-id").unwrap();

    let mut machine = owner.boot(&scene.path("disk"), None).unwrap();
    assert_eq!(machine.run("hostname").unwrap(), "boot.example.org");
    let size = machine.run("df --output=size -B1 / | tail -n 1").unwrap();
    assert!(size.trim().parse::<u64>().unwrap() > 5 << 30, "{size}");
    let swap = "swapon --noheadings --bytes --show=TYPE,SIZE";
    let swap = machine.run(swap).unwrap();
    let words: Vec<_> = swap.split_whitespace().collect();
    // The first page is the header.
    assert_eq!(words, ["partition", &((64 << 20) - 4096).to_string()]);
    assert_eq!(machine.run("cat /opt/file").unwrap(), "content");
    let id = machine.run("cat /etc/machine-id").unwrap();
    assert_eq!((id.as_str(), id.len()), (disk_id.trim(), 32));
    let keys = "for k in /etc/ssh/ssh_host_*.pub; do ssh-keygen -lf $k; done | wc -l";
    assert_eq!(machine.run(keys).unwrap(), "3");
    let efi = machine.run("findmnt -n -o FSTYPE /boot/efi").unwrap();
    assert_eq!(efi, "vfat");

    has_the_user(&machine);
    has_the_network(&mut machine);
    has_run_the_script(&mut machine);
    machine.power_off().unwrap();
    assert_eq!(root(&scene).problems().unwrap(), "");
}

/// The user who was not in the image comes in by the key, and is root without a password.
fn has_the_user(machine: &Running) {
    machine.is_reached_by("admin").unwrap();
    let groups = machine.run_as("admin", "id -Gn").unwrap();
    assert_eq!(groups, "admin sudo\n");
    let said = machine.run_as("admin", "sudo -n id -un; pwd; echo $SHELL");
    assert_eq!(said.unwrap(), "root\n/home/admin\n/bin/bash\n");
}

fn has_the_network(machine: &mut Running) {
    machine.is_reached_by("root").unwrap();
    let route = machine.run("ip route show default dev nic0").unwrap();
    assert!(route.contains("via 10.0.2.2"), "{route}");
    let link = machine.run("cat /sys/class/net/nic0/mtu").unwrap();
    assert_eq!(link, "1400");
    let resolver = machine.run("cat /etc/resolv.conf").unwrap();
    assert!(resolver.contains("10.0.2.3"), "{resolver}");
}

/// Once, as root, with the network up; neither the script nor what started it is left.
fn has_run_the_script(machine: &mut Running) {
    let ran = machine.run("cat /root/first-boot").unwrap();
    let lines: Vec<_> = ran.lines().collect();
    assert_eq!((lines.len(), lines.first()), (2, Some(&"root")), "{ran}");
    assert!(ran.contains(" 10.0.2.77/24 "), "{ran}");
    // Its job is done before the unit has cleaned up.
    let state = "systemctl show --property=ActiveState --value snf-image-first-boot";
    let ended = format!("until [ \"$({state})\" = inactive ]; do sleep 0.1; done");
    machine.run(&ended).unwrap();
    let left = "find /etc/systemd /usr/local -name '*first-boot*'";
    assert_eq!(machine.run(left).unwrap(), "");
}
