//! The OS scripts on block devices.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use harness::{Outcome, Scene};
use rustix::fs::OFlags;
use snf_image_testkit::loop_device::Loop;
use snf_image_testkit::tree;

#[test]
fn block_devices_are_deployed_renamed_saved_and_restored() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    fs::write(scene.path("disk"), vec![0xaa; 96 << 20]).unwrap();
    fs::write(scene.path("data"), vec![7; 1 << 20]).unwrap();
    fs::write(scene.path("larger"), vec![0xbb; 160 << 20]).unwrap();
    let [disk, data, larger] =
        ["disk", "data", "larger"].map(|name| Loop::over(&scene.path(name)).unwrap());
    let script = scene
        .script("")
        .unwrap()
        .with_disks(&["disk", "data"])
        .with("DISK_0_PATH", disk.name())
        .with("DISK_1_PATH", data.name())
        .with("DISK_1_ACCESS", "ro")
        .with("OLD_INSTANCE_NAME", "old")
        .with("EXPORT_DEVICE", disk.name())
        .with("IMPORT_DEVICE", larger.name());
    script
        .clone()
        .with_image()
        .run("create")
        .unwrap()
        .succeeded();
    script
        .clone()
        .with("INSTANCE_NAME", "renamed.example.org")
        .run("rename")
        .unwrap()
        .succeeded();
    let mut export = script.command("export");
    export.stdout(File::create(scene.path("saved")).unwrap());
    Outcome::from(export.output().unwrap()).succeeded();
    let mut import = script.command("import");
    import.stdin(File::open(scene.path("saved")).unwrap());
    Outcome::from(import.output().unwrap()).succeeded();
    drop((disk, data, larger));

    let root = scene.root_of("larger").unwrap();
    assert_eq!(root.text("/etc/hostname").unwrap(), "renamed.example.org\n");
    assert_eq!(root.problems().unwrap(), "");
    assert!(root.size().unwrap() > 150 << 20);
    assert!(fs::read(scene.path("saved")).unwrap() == fs::read(scene.path("disk")).unwrap());
    assert_eq!(fs::read(scene.path("data")).unwrap(), vec![7; 1 << 20]);
}

/// Whether a process has a device open for writing past the page cache.
fn writes_directly(pid: u32, device: &str) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd"));
    open.into_iter().flatten().flatten().any(|entry| {
        let is_device = fs::read_link(entry.path()).is_ok_and(|path| path == Path::new(device));
        let number = entry.file_name();
        let info = format!("/proc/{pid}/fdinfo/{}", number.display());
        let info = fs::read_to_string(info).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
        let direct = OFlags::DIRECT | OFlags::RDWR;
        is_device && flags.is_some_and(|flags| OFlags::from_bits_retain(flags).contains(direct))
    })
}

#[test]
fn the_disk_is_written_past_the_page_cache() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    scene.blank("disk", 96).unwrap();
    let disk = Loop::over(&scene.path("disk")).unwrap();
    let script = scene.script("").unwrap().with_disks(&["disk"]).with_image();
    let mut create = script
        .with("DISK_0_PATH", disk.name())
        .command("create")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut is_direct = false;
    let status = loop {
        is_direct |= writes_directly(create.id(), disk.name());
        if let Some(status) = create.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success() && is_direct);
}

#[test]
fn a_device_that_is_in_use_is_refused() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    scene.blank("disk", 96).unwrap();
    let disk = Loop::over(&scene.path("disk")).unwrap();
    let script = scene.script("").unwrap().with_disks(&["disk"]).with_image();
    let twice = script
        .with("DISK_0_PATH", disk.name())
        .with("DISK_COUNT", "2")
        .with("DISK_1_PATH", disk.name());
    twice
        .run("create")
        .unwrap()
        .failed_with(&[disk.name(), "in use"]);
}
