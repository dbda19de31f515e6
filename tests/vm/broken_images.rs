//! Images that only the helper can find fault with: it says what is wrong, and nothing stays.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use harness::Scene;
use snf_image_testkit::disk::{self, Content, MIB, NewPartition, Table};
use snf_image_testkit::ext::Ext;
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree;

/// The size of a small image.
const SIZE: u64 = 64 * MIB;

/// Asks debugfs(8) to change the only partition of a small image.
fn debugfs(image: &Path, request: &str) -> String {
    let device = format!("{}?offset={MIB}", image.display());
    Tool::new("debugfs")
        .args(["-w", "-R", request, &device])
        .run()
        .unwrap()
}

fn fails(scene: &Scene, image: &Path, arguments: &[&str], words: &[&str]) {
    let mut all = vec!["--size=80M"];
    all.extend(arguments);
    scene.fails(&mut scene.deployment(image, "disk", all), 1, words);
}

#[test]
fn bytes_without_any_order_are_no_image() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.path("image");
    let mut random = File::open("/dev/urandom").unwrap().take(4 * MIB);
    std::io::copy(&mut random, &mut File::create(&image).unwrap()).unwrap();
    fails(
        &scene,
        &image,
        &[],
        &["no partition table and no file system"],
    );
}

#[test]
fn a_gpt_that_is_corrupt_at_both_ends_is_refused() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let file = File::options().write(true).open(&image).unwrap();
    for header in [512, SIZE - 512] {
        file.write_all_at(b"garbage!", header + 24).unwrap();
    }
    scene.fails(&mut scene.deployment(&image, "disk", [""; 0]), 1, &["GPT"]);
}

#[test]
fn an_image_without_a_root_says_what_it_has() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(|_| Ok(())).unwrap();
    fails(&scene, &image, &[], &["root"]);

    let folder = scene.path("nothing");
    fs::create_dir(&folder).unwrap();
    let empty = |uuid: &str| Content::Ext {
        kind: "ext4",
        uuid: uuid.to_owned(),
        tree: folder.clone(),
    };
    let two = scene.path("two");
    let partitions = [
        NewPartition::new(1, 1, 20, empty("0f0e0d0c-0b0a-4908-8706-050403020101")),
        NewPartition::new(2, 30, 20, empty("0f0e0d0c-0b0a-4908-8706-050403020102")),
    ];
    disk::make(&two, 64, Table::Gpt, &partitions).unwrap();
    fails(
        &scene,
        &two,
        &[],
        &["no partition", "root", "1: ext4, 2: ext4", "ROOT_PARTITION"],
    );
    fails(
        &scene,
        &two,
        &["--property=ROOT_PARTITION=7"],
        &["ROOT_PARTITION=7", "no such partition"],
    );
}

#[test]
fn a_file_system_that_is_broken_beyond_repair_is_left_alone() {
    let Some(scene) = Scene::set() else { return };
    for damage in ["clri <2>", "ssv free_inodes_count 999999"] {
        let image = scene.small_image(tree::debian).unwrap();
        debugfs(&image, damage);
        if damage.starts_with("clri") {
            fails(&scene, &image, &[], &["partition 1", "e2fsck"]);
        } else {
            // What e2fsck repairs safely is repaired.
            scene
                .deploy(&image, "disk", ["--size=80M"])
                .unwrap()
                .succeeded();
            assert_eq!(scene.root_of("disk").unwrap().problems().unwrap(), "");
        }
        fs::remove_file(image).unwrap();
    }
}

#[test]
fn an_image_that_was_cut_off_is_refused() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    File::options()
        .write(true)
        .open(&image)
        .unwrap()
        .set_len(SIZE / 2)
        .unwrap();
    scene.fails(
        &mut scene.deployment(&image, "disk", [""; 0]),
        1,
        &["image"],
    );
}

#[test]
fn a_user_whom_the_image_does_not_know_is_named() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let password = scene.write("password", "correct horse\n").unwrap();
    let password = format!("--password-file={}", password.display());
    fails(
        &scene,
        &image,
        &[&password, "--property=USERS=root nemo"],
        &["nemo", "/etc/passwd", "USERS"],
    );
    let file = password.split('=').nth(1).unwrap();
    let inject = format!("--inject={file}:/etc/file:nemo:root:0600");
    fails(&scene, &image, &[&inject], &["/etc/file", "user", "nemo"]);
    let inject = format!("--inject={file}:/etc/file:root:nogroupsuch:0600");
    fails(
        &scene,
        &image,
        &[&inject],
        &["/etc/file", "group", "nogroupsuch"],
    );
}

#[test]
fn an_image_without_shadow_takes_no_password() {
    let Some(scene) = Scene::set() else { return };
    let image = scene
        .small_image(|root| {
            tree::debian(root)?;
            Ok(fs::remove_file(root.join("etc/shadow"))?)
        })
        .unwrap();
    let password = scene.write("password", "correct horse\n").unwrap();
    let password = format!("--password-file={}", password.display());
    fails(&scene, &image, &[&password], &["pwconv"]);
}

/// An image whose file system has not one free block.
fn full_image(scene: &Scene) -> PathBuf {
    let image = scene.small_image(tree::debian).unwrap();
    let nothing = scene.write("nothing", "").unwrap();
    let answer = debugfs(&image, "show_super_stats -h");
    let free = answer
        .lines()
        .find_map(|line| line.strip_prefix("Free blocks:"))
        .unwrap();
    let free: u64 = free.trim().parse().unwrap();
    debugfs(&image, &format!("write {} filler", nothing.display()));
    debugfs(&image, &format!("fallocate filler 0 {}", free - 1));
    let answer = debugfs(&image, "show_super_stats -h");
    let line = answer
        .lines()
        .find(|line| line.starts_with("Free blocks:"))
        .unwrap();
    assert!(line.trim_end().ends_with(" 0"), "{line}");
    image
}

#[test]
fn a_full_file_system_keeps_its_old_files_whole() {
    let Some(scene) = Scene::set() else { return };
    let image = full_image(&scene);
    let before = scene.root_of("image").unwrap();
    assert_eq!(before.problems().unwrap(), "");
    let password = scene.write("password", "correct horse\n").unwrap();
    let arguments = [
        "--hostname=vm",
        "--password-file",
        password.to_str().unwrap(),
    ];
    // Each time one task more is left out, so that another one meets the full disk first.
    let tasks = ["ASSIGNHOSTNAME", "CHANGEMACHINEID"];
    for left_out in 0..=tasks.len() {
        let _ = fs::remove_file(scene.path("disk"));
        File::create(scene.path("disk"))
            .unwrap()
            .set_len(SIZE)
            .unwrap();
        let mut deployment = scene.deployment(&image, "disk", arguments);
        for task in &tasks[..left_out] {
            deployment.arg(format!("--property=EXCLUDE_TASK_{task}=yes"));
        }
        scene.fails(&mut deployment, 1, &["No space left on device"]);
        let after = Ext::at(&scene.path("disk"), MIB);
        assert_eq!(after.problems().unwrap(), "");
        for path in [
            "/etc/shadow",
            "/etc/hostname",
            "/etc/hosts",
            "/etc/machine-id",
            "/etc/passwd",
        ] {
            assert_eq!(
                after.read(path).unwrap(),
                before.read(path).unwrap(),
                "{path}"
            );
        }
        assert_eq!(after.list("/etc").unwrap(), before.list("/etc").unwrap());
    }
}
