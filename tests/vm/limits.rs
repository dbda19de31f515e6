//! What a deployment costs, and what of a disk's earlier content it lets through: nothing.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::{Deployment, Scene};
use snf_image_testkit::disk::{self, Content, MIB, NewPartition, Table};
use snf_image_testkit::ext::Ext;
use snf_image_testkit::loop_device::Loop;
use snf_image_testkit::process::peak_memory;
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree::{self, ROOT_UUID};

/// The most memory that the host's process may ever have, in KiB.
const MEMORY: u64 = 100 * 1024;
/// How often a running deployment is looked at.
const INTERVAL: Duration = Duration::from_millis(2);
/// What the customisation writes besides the image's data: the file system's own records for
/// its new room, and a few files.
const CUSTOMISED: u64 = 48 * MIB;

/// An image of so many MiB whose file system fills it and holds so many bytes of noise.
fn image(scene: &Scene, size: u64, noise: u64) -> PathBuf {
    let directory = scene.path("tree");
    fs::create_dir(&directory).unwrap();
    tree::debian(&directory).unwrap();
    let mut random = File::open("/dev/urandom").unwrap().take(noise);
    std::io::copy(
        &mut random,
        &mut File::create(directory.join("noise")).unwrap(),
    )
    .unwrap();
    let image = scene.path("image");
    let content = Content::Ext {
        kind: "ext4",
        uuid: ROOT_UUID.into(),
        tree: directory.clone(),
    };
    disk::make(
        &image,
        size,
        Table::Gpt,
        &[NewPartition::new(1, 1, size - 2, content)],
    )
    .unwrap();
    fs::remove_dir_all(directory).unwrap();
    image
}

/// Bytes that a file takes on its disk.
fn taken(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks() * 512
}

/// Deploys and gives the most memory that the program ever had, in KiB.
fn deploy_watched(scene: &Scene, image: &Path, size: &str) -> u64 {
    let deployment =
        Deployment::start(&mut scene.deployment(image, "disk", ["--size", size, "--hostname=vm"]))
            .unwrap();
    let mut peak = 0;
    while deployment.runs_after(INTERVAL).unwrap() {
        peak = peak.max(peak_memory(deployment.id()).unwrap_or_default());
    }
    deployment.end().unwrap().succeeded();
    peak
}

#[test]
fn an_image_of_2_gib_costs_little_memory_and_only_its_data_s_room() {
    let Some(scene) = Scene::set() else { return };
    let image = image(&scene, 2048, 400 * MIB);
    let peak = deploy_watched(&scene, &image, "3G");
    assert!((1..MEMORY).contains(&peak), "{peak} KiB");
    let (image, disk) = (taken(&image), taken(&scene.path("disk")));
    assert!(disk < image + CUSTOMISED, "{disk} bytes for {image}");
    assert_eq!(fs::metadata(scene.path("disk")).unwrap().len(), 3 << 30);
    assert_eq!(scene.root_of("disk").unwrap().problems().unwrap(), "");
}

#[test]
fn an_image_of_20_gib_of_holes_costs_no_more() {
    let Some(scene) = Scene::set() else { return };
    let image = image(&scene, 20 << 10, MIB);
    let peak = deploy_watched(&scene, &image, "24G");
    assert!((1..MEMORY).contains(&peak), "{peak} KiB");
    let (image, disk) = (taken(&image), taken(&scene.path("disk")));
    assert!(disk < image + CUSTOMISED, "{disk} bytes for {image}");
}

const STALE: &[u8] = b"the earlier tenant's data ";

fn is_stale(bytes: &[u8]) -> bool {
    bytes.windows(STALE.len()).any(|window| window == STALE)
}

#[test]
fn what_a_block_device_held_before_never_shows_through() {
    let Some(scene) = Scene::set() else { return };
    let size = 96 * MIB;
    let stale = scene
        .write(
            "stale",
            STALE.repeat(usize::try_from(size).unwrap() / STALE.len()),
        )
        .unwrap();
    File::options()
        .write(true)
        .open(&stale)
        .unwrap()
        .set_len(size)
        .unwrap();
    let image = scene.small_image(tree::debian).unwrap();
    {
        let device = Loop::over(&stale).unwrap();
        assert!(is_stale(&fs::read(device.name()).unwrap()[..1 << 20]));
        scene
            .deploy(&image, device.name(), ["--hostname=vm"])
            .unwrap()
            .succeeded();
        // A device has the size that it has, and holds the name of nobody after a failure.
        let mut larger = scene.deployment(&image, device.name(), ["--size=1G"]);
        larger.current_dir(scene.directory());
        scene.fails(&mut larger, 2, &[device.name(), "block device"]);
        Tool::new("blockdev")
            .args(["--flushbufs", device.name()])
            .run()
            .unwrap();
    }
    assert!(!is_stale(&fs::read(&stale).unwrap()));
    assert_eq!(disk::gpt_problems(&stale).unwrap(), "");
    let root = Ext::at(&stale, MIB);
    assert_eq!(root.problems().unwrap(), "");
    assert!(root.size().unwrap() > 90 * MIB);
    assert_eq!(root.text("/etc/hostname").unwrap(), "vm\n");
}

#[test]
fn what_a_file_held_before_never_shows_through() {
    let Some(scene) = Scene::set() else { return };
    let size = usize::try_from(96 * MIB).unwrap();
    scene
        .write("disk", &STALE.repeat(size / STALE.len() + 1)[..size])
        .unwrap();
    let image = scene.small_image(tree::debian).unwrap();
    // One sector more than whole blocks, with data to its end.
    let file = File::options().write(true).open(&image).unwrap();
    file.set_len(64 * MIB + 512).unwrap();
    file.write_all_at(b"the end", 64 * MIB + 505).unwrap();
    file.sync_all().unwrap();
    scene
        .deploy(&image, "disk", ["--property=EXCLUDE_ALL_TASKS=yes"])
        .unwrap()
        .succeeded();
    let (disk, image) = (
        fs::read(scene.path("disk")).unwrap(),
        fs::read(&image).unwrap(),
    );
    assert_eq!(disk.len(), size);
    assert!(disk[..image.len()] == image, "not the image's bytes");
    assert!(
        disk[image.len()..].iter().all(|byte| *byte == 0),
        "something behind the image"
    );
}
