//! File systems that no fstab names, and roots that lie deeper than their partition.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};

use harness::Scene;
use snf_image_testkit::disk::{self, Content, MIB, NewPartition, Table};
use snf_image_testkit::ext::Ext;
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree::{self, ROOT_UUID};

/// Types of the Discoverable Partitions Specification: a root, `/usr`, `/home`.
const ROOT: &str = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709";
const USR: &str = "8484680C-9521-48C6-9C11-B0720656F69E";
const HOME: &str = "933AC7E1-2EB4-4F13-B844-0E14E2AEF915";
const ESP: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINLWYIpcT2GaIkbA9uPn6Q7rJ4m1hZ0c3tTqk0D0aBcd admin";

/// A partition with an ext4 of 30 MiB; the third part of its UUID is its number.
fn partition(number: u32, kind: &str, tree: &Path) -> NewPartition {
    let content = Content::Ext {
        kind: "ext4",
        uuid: format!("6b1a0a1c-56a4-{number:04}-9a0e-2a1b3c4d5e6f"),
        tree: tree.to_owned(),
    };
    let start = 1 + u64::from(number) * 31;
    NewPartition {
        kind: kind.into(),
        ..NewPartition::new(number, start, 30, content)
    }
}

fn at(disk: &Path, number: usize) -> Ext {
    Ext::at(disk, disk::partitions(disk).unwrap()[number - 1].offset())
}

#[test]
fn without_an_fstab_the_types_of_partitions_tell_what_is_mounted() {
    let Some(scene) = Scene::set() else { return };
    let [root, usr, home] = ["root", "usr", "home"].map(|name| scene.path(name));
    tree::debian(&root).unwrap();
    fs::remove_file(root.join("etc/fstab")).unwrap();
    // The system's own files lie on the partition of /usr alone.
    fs::remove_file(root.join("etc/os-release")).unwrap();
    std::os::unix::fs::symlink("../usr/lib/os-release", root.join("etc/os-release")).unwrap();
    fs::create_dir_all(usr.join("lib/systemd")).unwrap();
    fs::write(usr.join("lib/systemd/systemd"), "").unwrap();
    fs::write(usr.join("lib/os-release"), "ID=own\nID_LIKE=debian\n").unwrap();
    fs::create_dir_all(&home).unwrap();
    fs::remove_dir_all(root.join("usr")).unwrap();
    fs::rename(root.join("home/user"), home.join("user")).unwrap();
    for empty in ["usr", "efi"] {
        fs::create_dir(root.join(empty)).unwrap();
    }
    let esp = NewPartition {
        kind: ESP.into(),
        ..NewPartition::new(1, 1, 30, Content::Fat("ABCD0123".into()))
    };
    let partitions = [
        esp,
        partition(2, USR, &usr),
        partition(3, HOME, &home),
        partition(4, ROOT, &root),
    ];
    let image = scene.path("image");
    disk::make(&image, 160, Table::Gpt, &partitions).unwrap();
    // A loader that only the boot entries of another machine lead to.
    let loader = scene.write("shimx64.efi", "loader").unwrap();
    let inside = format!("{}@@1M", image.display());
    for directory in ["::/EFI", "::/EFI/debian"] {
        Tool::new("mmd")
            .args(["-i", &inside, directory])
            .run()
            .unwrap();
    }
    let copy = Tool::new("mcopy").args(["-i", &inside]).arg(loader);
    copy.arg("::/EFI/debian/shimx64.efi").run().unwrap();

    let key = scene.write("key.pub", format!("{KEY}\n")).unwrap();
    let arguments = ["--ssh-key", key.to_str().unwrap(), "--property=USERS=user"];
    let outcome = scene.deploy(&image, "disk", arguments).unwrap();
    outcome.succeeded();
    assert!(
        outcome.stderr.contains("EFI/BOOT/BOOTX64.EFI"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("/EFI/debian/shimx64.efi"),
        "{}",
        outcome.stderr
    );

    let disk = scene.path("disk");
    assert_eq!(
        at(&disk, 3)
            .text("/user/.ssh/authorized_keys")
            .unwrap()
            .trim(),
        KEY
    );
    assert!(!at(&disk, 4).exists("/home/user").unwrap());
    for number in [3, 4] {
        assert_eq!(at(&disk, number).problems().unwrap(), "");
    }
    // A sealed /usr would no longer start if a byte of it changed.
    let sealed = |disk: &Path| {
        let offset = usize::try_from(disk::partitions(disk).unwrap()[1].offset()).unwrap();
        let length = usize::try_from(30 * MIB).unwrap();
        fs::read(disk).unwrap()[offset..offset + length].to_vec()
    };
    assert!(sealed(&image) == sealed(&disk), "a byte of /usr changed");
}

/// The UUID of an encrypted volume.
const LUKS: &str = "0a1b2c3d-1111-4222-8333-444455556666";

/// An image whose `/home` is encrypted in its first partition, with these lines in fstab.
fn encrypted_home(scene: &Scene, lines: &str) -> PathBuf {
    let (luks, root) = (scene.path("luks"), scene.path("root"));
    fs::File::create(&luks).unwrap().set_len(30 * MIB).unwrap();
    let quick = ["--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000"];
    Tool::new("cryptsetup")
        .args(["luksFormat", "--batch-mode", "--type=luks2", "--uuid", LUKS])
        .args(quick)
        .arg(&luks)
        .arg("-")
        .input("the passphrase of its owner")
        .run()
        .unwrap();
    let _ = fs::remove_dir_all(&root);
    tree::debian(&root).unwrap();
    fs::write(
        root.join("etc/crypttab"),
        format!("home_crypt UUID={LUKS} none luks\n"),
    )
    .unwrap();
    let lines = format!("/dev/mapper/home_crypt /home ext4 defaults 0 2\n{lines}\n");
    fs::write(root.join("etc/fstab"), lines).unwrap();
    let first = NewPartition::new(1, 1, 30, Content::File(luks));
    let image = scene.path("image");
    let second = NewPartition {
        number: 2,
        ..partition(1, "L", &root)
    };
    disk::make(&image, 64, Table::Gpt, &[first, second]).unwrap();
    image
}

#[test]
fn what_is_encrypted_stays_shut_and_nothing_is_hidden_below_it() {
    let Some(scene) = Scene::set() else { return };
    let image = encrypted_home(&scene, "/dev/mapper/gone-data /srv ext4 nofail 0 2");
    let key = scene.write("key.pub", format!("{KEY}\n")).unwrap();
    let key = format!("--ssh-key={}", key.display());
    let arguments = ["--hostname=vm", "--json", &key];
    let outcome = scene.deploy(&image, "disk", arguments).unwrap();
    let said = &outcome.succeeded().stdout;
    for words in [
        "/dev/mapper/home_crypt (encrypted: only the running machine has the key)",
        "/dev/mapper/gone-data for /srv is on none of the disks",
    ] {
        assert!(said.contains(words), "no {words} in {said}");
    }
    let disk = scene.path("disk");
    let sealed = |disk: &Path| {
        let length = usize::try_from(31 * MIB).unwrap();
        fs::read(disk).unwrap()[length - usize::try_from(30 * MIB).unwrap()..length].to_vec()
    };
    assert!(sealed(&disk) == sealed(&image), "a byte of /home changed");
    let root = at(&disk, 2);
    assert_eq!(root.problems().unwrap(), "");
    assert_eq!(root.text("/etc/hostname").unwrap(), "vm\n");
    let keys = root.text("/root/.ssh/authorized_keys").unwrap();
    assert_eq!(keys.trim(), KEY);

    // The home of a user would lie where the machine does not see it.
    let mut user = scene.deployment(&image, "disk", ["--property=CREATE_USER=admin"]);
    let words = ["/home of the image (encrypted", "Read-only"];
    scene.fails(&mut user, 1, &words);

    let image = encrypted_home(&scene, "/dev/gone/data /srv ext4 defaults 0 2");
    let mut missing = scene.deployment(&image, "disk", ["--hostname=vm"]);
    let words = ["/dev/gone/data for /srv is on none of the disks"];
    scene.fails(&mut missing, 1, &words);
}

#[test]
fn a_deployment_of_ostree_is_customised_where_the_machine_sees_it() {
    let Some(scene) = Scene::set() else { return };
    let top = "ostree/deploy/fedora-iot";
    let image = scene
        .small_image(|root| {
            let deployment = root.join(top).join("deploy/0123abcd.0");
            fs::create_dir_all(&deployment)?;
            tree::red_hat(&deployment)?;
            fs::create_dir_all(root.join(top).join("var/roothome"))?;
            fs::create_dir(deployment.join("var"))?;
            fs::remove_dir(deployment.join("root"))?;
            std::os::unix::fs::symlink("var/roothome", deployment.join("root"))?;
            let fstab = format!("UUID={ROOT_UUID} / ext4 defaults 0 1\n");
            Ok(fs::write(deployment.join("etc/fstab"), fstab)?)
        })
        .unwrap();
    let key = scene.write("key.pub", format!("{KEY}\n")).unwrap();
    let arguments = [
        "--size=96M",
        "--hostname=web.example.org",
        "--property=USERS=root",
        "--ssh-key",
        key.to_str().unwrap(),
    ];
    scene.deploy(&image, "disk", arguments).unwrap().succeeded();
    let root = scene.root_of("disk").unwrap();
    let deployment = format!("/{top}/deploy/0123abcd.0");
    let name = root.text(&format!("{deployment}/etc/hostname")).unwrap();
    assert_eq!(name, "web.example.org\n");
    let keys = root
        .text(&format!("/{top}/var/roothome/.ssh/authorized_keys"))
        .unwrap();
    assert_eq!(keys.trim(), KEY);
    assert!(!root.exists("/etc").unwrap());
    assert_eq!(root.problems().unwrap(), "");
    assert!(root.size().unwrap() > 90 * MIB);
}
