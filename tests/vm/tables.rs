//! Partition tables of every kind, fitted to a larger disk and judged by tools that are not ours.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use harness::Scene;
use snf_image_testkit::disk::{self, Content, MIB, NewPartition, Partition, Table};
use snf_image_testkit::ext::Ext;
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree::{self, ROOT_UUID};

const SECTOR: u64 = 512;
/// The size of the images and of the disks that they are put on, in MiB.
const IMAGE: u64 = 96;
const DISK: u64 = 160;

/// A root file system from `start` to `size`, in MiB.
fn root(scene: &Scene, number: u32, start: u64, size: u64) -> NewPartition {
    let directory = scene.path("tree");
    if !directory.exists() {
        fs::create_dir(&directory).unwrap();
        tree::debian(&directory).unwrap();
    }
    let uuid = ROOT_UUID.to_owned();
    NewPartition::new(
        number,
        start,
        size,
        Content::Ext {
            kind: "ext4",
            uuid,
            tree: directory,
        },
    )
}

/// A partition of some MiB that holds bytes of its own, with type and name.
fn other(number: u32, start: u64, kind: &str, extra: &str) -> NewPartition {
    let mut partition = NewPartition::new(number, start, 4, Content::Empty);
    partition.kind = kind.into();
    partition.extra = extra.into();
    partition
}

fn make(scene: &Scene, table: Table, partitions: &[NewPartition]) -> PathBuf {
    let image = scene.path("image");
    disk::make(&image, IMAGE, table, partitions).unwrap();
    let file = File::options().write(true).open(&image).unwrap();
    for partition in partitions {
        if matches!(partition.content, Content::Empty) && partition.kind != "extended" {
            let text = format!("partition {} ", partition.number).repeat(1 << 16);
            file.write_all_at(text.as_bytes(), partition.start * MIB)
                .unwrap();
        }
    }
    image
}

fn bytes(disk: &Path, start: u64, length: u64) -> Vec<u8> {
    let mut file = File::open(disk).unwrap();
    file.seek(SeekFrom::Start(start)).unwrap();
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).unwrap();
    bytes
}

/// The table without the path of its disk.
fn table(disk: &Path) -> Vec<Partition> {
    let path = disk.display().to_string();
    let mut table = disk::partitions(disk).unwrap();
    for partition in &mut table {
        partition.node = partition.node.replace(&path, "");
    }
    table
}

fn sfdisk_is_content(disk: &Path) {
    let output = Tool::new("sfdisk")
        .args(["--verify", "--quiet"])
        .arg(disk)
        .output()
        .unwrap();
    let said = snf_image_testkit::tool::said(&output);
    assert!(
        output.status.success() && !said.contains("overlap"),
        "{said}"
    );
}

/// Deploys the image onto a larger disk. Afterwards only `grown` have become larger, up to the
/// end of the disk; the root in partition `root` fills its own; all else is as it was.
fn grows(scene: &Scene, image: &Path, grown: &[u32], root: u32) {
    let arguments = [
        format!("--size={DISK}M"),
        "--hostname=vm".into(),
        format!("--property=ROOT_PARTITION={root}"),
        "--property=OSFAMILY=linux".into(),
    ];
    scene.deploy(image, "disk", arguments).unwrap().succeeded();
    let disk = scene.path("disk");
    let (before, after) = (table(image), table(&disk));
    let is = |partition: &Partition, numbers: &[u32]| {
        numbers
            .iter()
            .any(|number| partition.node == number.to_string())
    };
    assert_eq!(before.len(), after.len());
    for (old, new) in before.iter().zip(&after) {
        let mut expected = old.clone();
        if is(old, grown) {
            assert!(new.size > old.size, "{new:?}");
            // At most a MiB is lost to the backup of the table and to alignment.
            assert!(new.start + new.size > (DISK - 2) * MIB / SECTOR, "{new:?}");
            expected.size = new.size;
        } else if !is(old, &[root]) && old.kind != "5" && old.kind != "f" {
            let length = old.size * SECTOR;
            assert!(
                bytes(image, old.offset(), length) == bytes(&disk, old.offset(), length),
                "{old:?}"
            );
        }
        assert_eq!(*new, expected);
    }
    let partition = after
        .iter()
        .find(|partition| is(partition, &[root]))
        .unwrap();
    let file_system = Ext::at(&disk, partition.offset());
    assert_eq!(file_system.problems().unwrap(), "");
    assert_eq!(file_system.text("/etc/hostname").unwrap(), "vm\n");
    if grown.contains(&root) {
        assert!(file_system.size().unwrap() > partition.size * SECTOR - MIB);
    }
}

/// What sfdisk(8) says of the disk's own identity.
fn identity(disk: &Path) -> String {
    Tool::new("sfdisk")
        .arg("--disk-id")
        .arg(disk)
        .run()
        .unwrap()
}

#[test]
fn a_gpt_with_gaps_and_numbers_out_of_order_keeps_everything_but_its_end() {
    let Some(scene) = Scene::set() else { return };
    // The last one by position has a number in the middle; 3 and others are missing.
    let image = make(
        &scene,
        Table::Gpt,
        &[
            other(14, 1, "21686148-6449-6E6F-744E-656564454649", "name=bios"),
            other(15, 6, "uefi", "name=esp, attrs=\"RequiredPartition\""),
            root(&scene, 2, 24, 40),
            other(
                1,
                12,
                "L",
                "name=\"a b\", uuid=11111111-2222-4333-8444-555555555555",
            ),
        ],
    );
    grows(&scene, &image, &[2], 2);
    let disk = scene.path("disk");
    assert_eq!(disk::gpt_problems(&disk).unwrap(), "");
    assert_eq!(identity(&disk), identity(&image));
}

#[test]
fn a_gpt_whose_last_partition_is_not_the_root_grows_that_one_alone() {
    let Some(scene) = Scene::set() else { return };
    let image = make(
        &scene,
        Table::Gpt,
        &[
            other(5, 40, "L", "name=data"),
            root(&scene, 1, 2, 32),
            other(2, 36, "uefi", ""),
        ],
    );
    grows(&scene, &image, &[5], 1);
    assert_eq!(disk::gpt_problems(&scene.path("disk")).unwrap(), "");
}

#[test]
fn a_gpt_without_its_backup_gets_one() {
    let Some(scene) = Scene::set() else { return };
    let image = make(
        &scene,
        Table::Gpt,
        &[other(1, 1, "uefi", "name=esp"), root(&scene, 3, 8, 64)],
    );
    let file = File::options().write(true).open(&image).unwrap();
    file.write_all_at(&[0; 34 * 512], IMAGE * MIB - 34 * SECTOR)
        .unwrap();
    assert_ne!(disk::gpt_problems(&image).unwrap(), "");
    grows(&scene, &image, &[3], 3);
    assert_eq!(disk::gpt_problems(&scene.path("disk")).unwrap(), "");
}

#[test]
fn a_gpt_without_its_primary_is_restored_where_its_backup_can_be_found() {
    let Some(scene) = Scene::set() else { return };
    let image = make(
        &scene,
        Table::Gpt,
        &[other(1, 1, "uefi", "name=esp"), root(&scene, 3, 8, 64)],
    );
    let whole = scene.path("whole");
    fs::copy(&image, &whole).unwrap();
    let file = File::options().write(true).open(&image).unwrap();
    file.write_all_at(&[0; 512], SECTOR).unwrap();
    let outcome = scene.deploy(&image, "disk", ["--hostname=vm"]).unwrap();
    assert!(
        outcome
            .succeeded()
            .stderr
            .contains("restored from its backup")
    );
    let disk = scene.path("disk");
    assert_eq!(disk::gpt_problems(&disk).unwrap(), "");
    assert_eq!(identity(&disk), identity(&whole));
    let (before, after) = (table(&whole), table(&disk));
    assert_eq!(after[0], before[0]);
    assert_eq!(
        (after[1].start, &after[1].uuid),
        (before[1].start, &before[1].uuid)
    );
    assert_eq!(scene.root_of("disk").unwrap().problems().unwrap(), "");

    // On a larger disk nobody knows where the image ended.
    let mut larger = scene.deployment(&image, "larger", ["--size=160M"]);
    scene.fails(&mut larger, 1, &["corrupt GPT"]);
}

#[test]
fn the_last_primary_partition_of_an_mbr_grows() {
    let Some(scene) = Scene::set() else { return };
    let image = make(
        &scene,
        Table::Mbr,
        &[other(3, 1, "c", ""), other(2, 8, "82", ""), {
            let mut last = root(&scene, 1, 16, 48);
            last.kind = "83".into();
            last.extra = "bootable".into();
            last
        }],
    );
    let code = b"boot code of some loader";
    File::options()
        .write(true)
        .open(&image)
        .unwrap()
        .write_all_at(code, 0)
        .unwrap();
    grows(&scene, &image, &[1], 1);
    let disk = scene.path("disk");
    sfdisk_is_content(&disk);
    assert_eq!(identity(&disk), identity(&image));
    assert_eq!(bytes(&disk, 0, 440), bytes(&image, 0, 440));
}

#[test]
fn the_last_logical_partition_of_an_mbr_grows_with_the_one_around_it() {
    let Some(scene) = Scene::set() else { return };
    let mut extended = other(2, 10, "extended", "");
    extended.size = 70;
    let mut last = root(&scene, 6, 20, 48);
    last.kind = "83".into();
    let image = make(
        &scene,
        Table::Mbr,
        &[
            other(1, 1, "83", ""),
            extended,
            other(5, 12, "82", ""),
            last,
        ],
    );
    grows(&scene, &image, &[2, 6], 6);
    sfdisk_is_content(&scene.path("disk"));
}

#[test]
fn a_disk_that_is_not_larger_has_nothing_that_grows() {
    let Some(scene) = Scene::set() else { return };
    let gpt = make(&scene, Table::Gpt, &[root(&scene, 1, 1, IMAGE - 2)]);
    let mbr = scene.path("mbr");
    let mut last = root(&scene, 1, 1, IMAGE - 1);
    last.kind = "83".into();
    disk::make(&mbr, IMAGE, Table::Mbr, &[last]).unwrap();
    for image in [gpt, mbr] {
        let outcome = scene
            .deploy(&image, "disk", ["--json", "--hostname=vm"])
            .unwrap();
        let stdout = &outcome.succeeded().stdout;
        assert!(
            stdout.contains("FixPartitionTable was skipped: there is no room"),
            "{stdout}"
        );
        assert!(
            stdout.contains("FilesystemResizeUnmounted was skipped"),
            "{stdout}"
        );
        let disk = scene.path("disk");
        assert_eq!(table(&disk), table(&image));
        assert_eq!(bytes(&disk, 0, MIB), bytes(&image, 0, MIB));
        assert_eq!(scene.root_of("disk").unwrap().problems().unwrap(), "");
        fs::remove_file(disk).unwrap();
    }
}
