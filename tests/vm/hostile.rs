//! Images that were made to harm: whatever they hold, the deployment ends soon, and nothing
//! outside their file system is written.
//!
//! One machine for each kind of trap: what the tasks make of it in place of every file that they
//! read or write is a matter of the helper's own tests (`crates/helper/src/tasks/traps_tests.rs`).
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use harness::{Deployment, Outcome, Scene};
use snf_image_testkit::disk::{self, Content, MIB, NewPartition, Table};
use snf_image_testkit::ext::Ext;
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree::{self, ROOT_UUID, Trap, set_trap};

/// How long a hostile image may keep a deployment busy.
const SOON: Duration = Duration::from_secs(30);
/// Where the root lies, and what lies before it and nobody may touch, in bytes.
const ROOT: u64 = 4 * MIB;
const FENCE: std::ops::Range<u64> = MIB..4 * MIB;
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINLWYIpcT2GaIkbA9uPn6Q7rJ4m1hZ0c3tTqk0D0aBcd admin";

/// An image with a fence in partition 1 and in partition 2 a Debian changed by `plant`.
fn image(scene: &Scene, plant: impl FnOnce(&Path) -> Result<()>) -> PathBuf {
    let directory = scene.path("tree");
    fs::create_dir(&directory).unwrap();
    tree::debian(&directory).unwrap();
    plant(&directory).unwrap();
    let image = scene.path("image");
    let content = Content::Ext {
        kind: "ext4",
        uuid: ROOT_UUID.into(),
        tree: directory.clone(),
    };
    let fence = NewPartition::new(1, 1, 3, Content::Empty);
    disk::make(
        &image,
        64,
        Table::Gpt,
        &[fence, NewPartition::new(2, 4, 59, content)],
    )
    .unwrap();
    let noise = "do not touch ".repeat(1 << 18);
    let length = usize::try_from(FENCE.end - FENCE.start).unwrap();
    File::options()
        .write(true)
        .open(&image)
        .unwrap()
        .write_all_at(&noise.as_bytes()[..length], FENCE.start)
        .unwrap();
    fs::remove_dir_all(directory).unwrap();
    image
}

/// A deployment that changes whatever can be changed.
fn deployment(scene: &Scene, image: &Path) -> Command {
    let file =
        |name: &str, content: &str| scene.write(name, content).unwrap().display().to_string();
    let (password, key) = (
        file("password", "hunter2\n"),
        file("key.pub", &format!("{KEY}\n")),
    );
    let inject = format!(
        "{}:/root/.ssh/injected:root:root:0600",
        file("file", "content\n")
    );
    let arguments = [
        "--hostname=web.example.org",
        "--property=OSFAMILY=linux",
        "--property=ROOT_PARTITION=2",
        "--password-file",
        &password,
        "--ssh-key",
        &key,
        "--inject",
        &inject,
    ];
    let _ = fs::remove_file(scene.path("disk"));
    // A target that stays, so that what a failure has done can be looked at.
    File::create(scene.path("disk"))
        .unwrap()
        .set_len(64 * MIB)
        .unwrap();
    scene.deployment(image, "disk", arguments)
}

/// Deploys. Whatever comes of it, it comes soon, is told in one line, leaves nothing, and
/// nothing outside the root file system has changed.
fn survive(scene: &Scene, image: &Path) -> (Outcome, Ext) {
    let mut command = deployment(scene, image);
    let watch = scene.watch().unwrap();
    let begin = Instant::now();
    let outcome = Deployment::start(&mut command).unwrap().end().unwrap();
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    match outcome.code {
        Some(0) => {}
        Some(1) => drop(outcome.gave_one_reason(&["the helper failed: "])),
        _ => panic!("{outcome:?}"),
    }
    outcome.steers_no_terminal();
    assert_eq!(watch.leftovers().unwrap(), Vec::<String>::new());
    let disk = scene.path("disk");
    let outside = |path: &Path| {
        let mut bytes = Vec::new();
        File::open(path)
            .unwrap()
            .take(ROOT)
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    };
    assert!(
        outside(&disk) == outside(image),
        "the disk outside the root was written"
    );
    let root = Ext::at(&disk, ROOT);
    assert_eq!(root.problems().unwrap(), "");
    (outcome, root)
}

/// A scene for each image, since each makes its own.
fn each<T: Copy>(cases: &[T], mut story: impl FnMut(&Scene, T)) {
    let Some(scene) = Scene::set() else { return };
    for case in cases {
        story(&scene, *case);
        let _ = fs::remove_file(scene.path("image"));
    }
}

#[test]
fn links_end_inside_the_image_however_far_they_point() {
    let Some(scene) = Scene::set() else { return };
    let image = image(&scene, |root| {
        for (path, target) in [
            ("etc/hostname", "/../../../../proc/sysrq-trigger"),
            (
                "etc/hosts",
                "../../../../../run/snf-image-helper/parameters/parameters.json",
            ),
            ("etc/machine-id", "/dev/vda"),
            ("etc/shadow", "/srv/the real shadow"),
            ("root/.ssh", "../../../../srv/keys"),
            ("etc/ssh", "/srv/sshd"),
        ] {
            let real = root
                .join("srv")
                .join(Path::new(target).file_name().unwrap());
            match path {
                "etc/shadow" => {
                    fs::create_dir_all(root.join("srv"))?;
                    fs::rename(root.join(path), &real)?;
                }
                "etc/ssh" => fs::rename(root.join(path), root.join("srv/sshd"))?,
                "root/.ssh" => fs::create_dir_all(root.join("srv/keys"))?,
                _ => {}
            }
            set_trap(root, path, Trap::Link(target))?;
        }
        // Where the links end inside.
        for directory in ["proc", "run/snf-image-helper/parameters", "dev"] {
            fs::create_dir_all(root.join(directory))?;
        }
        fs::write(root.join("proc/sysrq-trigger"), "old\n")?;
        fs::write(
            root.join("run/snf-image-helper/parameters/parameters.json"),
            "127.0.0.1 localhost\n",
        )?;
        fs::write(root.join("dev/vda"), "0123456789abcdef0123456789abcdef\n")?;
        Ok(())
    });
    let before = Ext::at(&image, ROOT);
    let (outcome, root) = survive(&scene, &image);
    outcome.succeeded();
    assert_eq!(
        root.text("/proc/sysrq-trigger").unwrap(),
        "web.example.org\n"
    );
    assert!(
        root.text("/run/snf-image-helper/parameters/parameters.json")
            .unwrap()
            .contains("web.example.org")
    );
    assert_ne!(
        root.text("/dev/vda").unwrap(),
        before.text("/dev/vda").unwrap()
    );
    assert!(
        root.text("/srv/the real shadow")
            .unwrap()
            .starts_with("root:$6$")
    );
    assert_eq!(root.text("/srv/keys/authorized_keys").unwrap().trim(), KEY);
    assert_eq!(root.text("/srv/keys/injected").unwrap(), "content\n");
    assert_ne!(
        root.text("/srv/sshd/ssh_host_ed25519_key").unwrap(),
        before.text("/srv/sshd/ssh_host_ed25519_key").unwrap()
    );
    for link in [
        "/etc/hostname",
        "/etc/hosts",
        "/etc/machine-id",
        "/etc/shadow",
        "/root/.ssh",
        "/etc/ssh",
    ] {
        assert_eq!(root.stat(link).unwrap().kind, "symlink", "{link}");
    }
    let (old, new) = (
        before.stat("/srv/the real shadow").unwrap(),
        root.stat("/srv/the real shadow").unwrap(),
    );
    assert_eq!((old.uid, old.gid, old.mode), (new.uid, new.gid, new.mode));
}

#[test]
fn a_link_in_place_of_etc_itself_leads_nowhere_else() {
    let Some(scene) = Scene::set() else { return };
    let link = Trap::Link("/proc/self/root/etc");
    let image = image(&scene, |root| set_trap(root, "etc", link));
    let (outcome, root) = survive(&scene, &image);
    outcome.ended_with(1);
    assert_eq!(root.stat("/etc").unwrap().kind, "symlink");
}

/// What is read before all else, what is read, and what is replaced; and what lies there instead.
const TRAPS: [(&str, Trap); 3] = [
    ("etc/fstab", Trap::Fifo),
    ("etc/shadow", Trap::Device),
    ("etc/hostname", Trap::Directory),
];

#[test]
fn what_is_no_file_in_place_of_a_file_is_neither_waited_for_nor_written() {
    each(&TRAPS, |scene, (path, trap)| {
        let image = image(scene, |root| set_trap(root, path, trap));
        let before = Ext::at(&image, ROOT);
        let (outcome, root) = survive(scene, &image);
        outcome.ended_with(1);
        let path = format!("/{path}");
        let kind = |root: &Ext| root.stat(&path).unwrap().kind;
        assert_eq!(kind(&root), kind(&before), "{path}");
        let words = format!("{path} of the image");
        assert!(outcome.stderr.contains(&words), "{}", outcome.stderr);
        if path != "/etc/shadow" {
            let shadow = root.text("/etc/shadow").unwrap();
            assert_eq!(shadow.lines().count(), 3, "{shadow}");
        }
    });
}

#[test]
fn a_socket_and_the_disk_s_own_node_are_not_written_to() {
    // 254 is virtio's first disk, as the helper sees it. Sockets debugfs cannot make.
    let socket = "rm hostname\nmknod hostname p\nset_inode_field hostname mode 0140644\n";
    let cases = [
        ("hostname", socket, "socket"),
        ("shadow", "rm shadow\nmknod shadow b 254 0\n", "block"),
    ];
    each(&cases, |scene, (name, script, kind)| {
        let image = image(scene, |_| Ok(()));
        let device = format!("{}?offset={ROOT}", image.display());
        let script = scene.write("script", format!("cd /etc\n{script}")).unwrap();
        Tool::new("debugfs")
            .args(["-w", "-f"])
            .arg(script)
            .arg(&device)
            .run()
            .unwrap();
        // Directories tell the kinds of what is in them; debugfs forgets that.
        Tool::new("e2fsck")
            .args(["-f", "-y", &device])
            .output()
            .unwrap();
        let path = format!("/etc/{name}");
        assert_eq!(Ext::at(&image, ROOT).stat(&path).unwrap().kind, kind);
        let (outcome, root) = survive(scene, &image);
        outcome.ended_with(1);
        assert!(outcome.stderr.contains(&path), "{}", outcome.stderr);
        assert_eq!(root.stat(&path).unwrap().kind, kind);
    });
}

#[test]
fn mount_points_cannot_lead_out_of_the_image() {
    let Some(scene) = Scene::set() else { return };
    let image = image(&scene, |root| {
        let fstab = "UUID=6b1a0a1c-56a4-4c9e-9a0e-2a1b3c4d5e6f / ext4 defaults 0 1\n\
            UUID=6b1a0a1c-56a4-4c9e-9a0e-2a1b3c4d5e6f /mnt/out ext4 nofail 0 2\n\
            /dev/vda2 /mnt/../../../../../dev ext4 nofail 0 2\n\
            /dev/vda2 /mnt/proc ext4 nofail 0 2\n\
            /dev/../../dev/vda2 /mnt/x ext4 nofail 0 2\n\
            PARTUUID=../../../etc/passwd /mnt/x ext4 nofail 0 2\n\
            /dev/disk/by-uuid/../../vda1 /mnt/x ext4 nofail 0 2\n\
            /dev/mem /mnt/x ext4 nofail 0 2\n";
        fs::write(root.join("etc/fstab"), fstab)?;
        set_trap(root, "mnt/out", Trap::Link("../../../../../../run"))?;
        set_trap(root, "mnt/proc", Trap::Link("/proc/1/root/usr"))?;
        set_trap(root, "mnt/x", Trap::Directory)?;
        Ok(fs::create_dir_all(root.join("run"))?)
    });
    let (outcome, root) = survive(&scene, &image);
    outcome.succeeded();
    assert_eq!(root.text("/etc/hostname").unwrap(), "web.example.org\n");
}

#[test]
fn a_required_mount_that_is_not_there_is_named_and_steers_no_terminal() {
    let cases = [
        ("UUID=11111111-1111-4111-8111-111111111111", "/data"),
        ("/dev/vda1", "/nowhere"),
        (
            "LABEL=\u{1b}[2J\u{9b}31m",
            "/mnt/\\033]0;x\\007\\012SUCCESS",
        ),
    ];
    each(&cases, |scene, (spec, point)| {
        let line = format!("{spec} {point} ext4 defaults 0 2\n");
        let image = image(scene, |root| Ok(fs::write(root.join("etc/fstab"), line)?));
        let (outcome, _) = survive(scene, &image);
        outcome.ended_with(1);
        let named = spec.split('\u{1b}').next().unwrap();
        for word in ["/etc/fstab of the image", named] {
            assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
        }
    });
}

/// Bytes that are no text of any kind, with things in them that look like lines.
fn garbage() -> Vec<u8> {
    let all: Vec<u8> = (0..=255).collect();
    [
        all.as_slice(),
        b"\nroot:x:0:0::/root:/bin/sh\n\0\x1b[2J\xff\xfe:::::\n",
        &all.repeat(40),
    ]
    .concat()
}

#[test]
fn binary_garbage_in_a_file_of_text_is_survived() {
    let Some(scene) = Scene::set() else { return };
    let image = image(&scene, |root| {
        Ok(fs::write(root.join("etc/fstab"), garbage())?)
    });
    let (_, root) = survive(&scene, &image);
    // Nobody has a reason to write to it.
    assert!(root.read("/etc/fstab").unwrap() == garbage());
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let Some(scene) = Scene::set() else { return };
    let image = image(&scene, |root| {
        let file = File::options().write(true).open(root.join("etc/fstab"))?;
        Ok(file.set_len(1 << 30)?)
    });
    let (outcome, root) = survive(&scene, &image);
    outcome.ended_with(1);
    let words = "/etc/fstab of the image is larger than";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    assert_eq!(root.stat("/etc/fstab").unwrap().size, 1 << 30);
}

#[test]
fn an_fstab_of_thousands_of_lines_is_no_burden() {
    let Some(scene) = Scene::set() else { return };
    let image = image(&scene, |root| {
        let lines =
            (0..15_000).map(|number| format!("UUID={number:08} /mnt/{number} ext4 nofail 0 2\n"));
        Ok(fs::write(
            root.join("etc/fstab"),
            lines.collect::<String>(),
        )?)
    });
    let (outcome, _) = survive(&scene, &image);
    outcome.succeeded();
    assert!(outcome.stderr.len() < 8192, "{}", outcome.stderr.len());
}

#[test]
fn keys_do_not_go_where_an_image_would_like_them() {
    let Some(scene) = Scene::set() else { return };
    let image = image(&scene, |root| {
        set_trap(root, "dev/vda", Trap::Device)?;
        let line = "AuthorizedKeysFile %h/../../../../../../dev/vda\n";
        Ok(fs::write(root.join("etc/ssh/sshd_config"), line)?)
    });
    let (outcome, root) = survive(&scene, &image);
    outcome.ended_with(1);
    assert!(outcome.stderr.contains("/dev/vda"), "{}", outcome.stderr);
    assert_eq!(root.stat("/dev/vda").unwrap().kind, "character");
}
