//! Swap space on image files, looked at with blkid(8), and the line in fstab(5).
// SPDX-License-Identifier: BSD-2-Clause

use std::path::PathBuf;

use super::*;
use crate::guest::testing::Image;
use crate::run::testing::{self, Warnings, image as disk_image, parameters, resize, tool};

const OLD: &str = "UUID=1 / ext4 defaults 0 1";

/// A tree with an fstab, and a second disk beside it.
struct Scene {
    image: Image,
    disk: PathBuf,
}

impl Scene {
    fn new(fstab: &str) -> Scene {
        let image = Image::empty();
        image.file(FSTAB, fstab);
        let disk = image.parameters_dir().join("disk");
        Scene { image, disk }
    }

    /// Runs the task with the disk as first or second one.
    fn run(&self, swap: &str, family: OsFamily, place: usize) -> (Result<Done>, Vec<String>) {
        let parameters = parameters(&format!(r#""SWAP":"{swap}""#));
        let table = (place == 0)
            .then(|| Table::read(&self.disk).unwrap())
            .flatten();
        self.image.confined(|root| {
            let mut warnings = Warnings::default();
            let mut context = testing::context(&parameters, &mut warnings);
            context.disks[place] = "/parameters/disk".into();
            context.os_family = family;
            context.table = table;
            context.root = Some(root);
            let done = run(&mut context);
            (done, warnings.0)
        })
    }

    fn uuid(&self, offset: u64) -> String {
        let offset = offset.to_string();
        let arguments = ["-p", "-O", &offset, "-s", "UUID", "-o", "value"];
        tool("blkid", &arguments, &self.disk).trim().to_owned()
    }
}

fn fault(done: Result<Done>) -> String {
    done.unwrap_err().to_string()
}

#[test]
fn a_partition_becomes_swap_space_and_fstab_names_it_once() {
    let scene = Scene::new(OLD);
    let script = "label: gpt\nsize=4MiB\nstart=8MiB, size=2MiB, type=swap\n";
    let made = disk_image(&scene.image.parameters_dir(), 16, script);
    std::fs::rename(made, &scene.disk).unwrap();
    let (done, _) = scene.run("2:2", OsFamily::Linux, 0);
    assert_eq!(done.unwrap(), Done::Yes);
    let uuid = scene.uuid(8 << 20);
    assert_eq!(uuid.len(), 36);
    let expected = format!("{OLD}\nUUID={uuid} none swap sw 0 0\n");
    assert_eq!(scene.image.text(FSTAB), expected);
    // Once more, as on a disk that keeps what it holds.
    assert_eq!(scene.run("2:2", OsFamily::Linux, 0).0.unwrap(), Done::Yes);
    assert_eq!(scene.image.text(FSTAB), expected);
    assert_eq!(scene.uuid(8 << 20), uuid);
    let other = fault(scene.run("1:2", OsFamily::Linux, 0).0);
    assert!(
        other.contains("partition 1 is not there or not for swap"),
        "{other}"
    );
}

#[test]
fn a_whole_disk_becomes_swap_space_and_what_it_held_is_told() {
    let scene = Scene::new("");
    resize(&scene.disk, 32 << 20);
    tool("mkfs.ext4", &["-q"], &scene.disk);
    let (done, warnings) = scene.run("B", OsFamily::Linux, 1);
    assert_eq!(done.unwrap(), Done::Yes);
    assert!(warnings[0].contains("held ext4"), "{warnings:?}");
    let line = format!("UUID={} none swap sw 0 0\n", scene.uuid(0));
    assert_eq!(scene.image.text(FSTAB), line);
    assert_eq!(
        tool("wipefs", &["--noheadings"], &scene.disk)
            .lines()
            .count(),
        1
    );
}

#[test]
fn what_cannot_be_done_is_told() {
    let scene = Scene::new(OLD);
    let missing = fault(scene.run("d", OsFamily::Linux, 1).0);
    assert!(
        missing.contains("the machine has only 2 disks"),
        "{missing}"
    );
    let windows = fault(scene.run("b", OsFamily::Windows, 1).0);
    assert!(windows.contains("Linux images alone"), "{windows}");
    resize(&scene.disk, 4096);
    let small = fault(scene.run("b", OsFamily::Linux, 1).0);
    assert!(small.contains("too little for swap space"), "{small}");
    assert_eq!(scene.image.text(FSTAB), OLD);
    std::fs::remove_file(scene.image.path(FSTAB)).unwrap();
    let fstab = fault(scene.run("b", OsFamily::Linux, 1).0);
    assert!(fstab.contains("no /etc/fstab"), "{fstab}");
}

#[test]
fn without_the_property_there_is_nothing_to_do() {
    let scene = Scene::new(OLD);
    let (done, _) = scene.run("", OsFamily::Linux, 1);
    assert!(matches!(done, Ok(Done::Skipped(_))));
}
