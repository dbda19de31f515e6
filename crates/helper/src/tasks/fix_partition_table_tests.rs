//! Image files of many shapes on larger disks, judged by sgdisk(8) and sfdisk(8).
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::run::testing::{Warnings, context, image, parameters, resize, tool};

const MIB: u64 = 1 << 20;

/// An image of so many MiB on a disk that has so many.
struct Case {
    directory: tempfile::TempDir,
    disk: PathBuf,
}

impl Case {
    fn new(image_mib: u64, script: &str) -> Case {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("image");
        let script = script.replace('@', name.to_str().unwrap());
        let disk = image(directory.path(), image_mib, &script);
        Case { directory, disk }
    }

    fn on(self, bytes: u64) -> Case {
        resize(&self.disk, bytes);
        self
    }

    fn run(&self) -> Result<(Done, Table)> {
        let parameters = parameters("");
        let mut warnings = Warnings::default();
        let mut context = context(&parameters, &mut warnings);
        context.disks = vec![self.disk.clone()];
        context.table = Table::read(&self.disk)?;
        let done = run(&mut context)?;
        Ok((done, context.table.unwrap()))
    }

    fn verify(&self) {
        let report = tool("sgdisk", &["-v"], &self.disk);
        assert!(report.contains("No problems found"), "{report}");
    }
}

const CLOUD: &str = "label: gpt\n@14 : start=2048, size=2048\n@15 : start=4096, size=2048, \
                     type=uefi, name=\"EFI\", attrs=\"RequiredPartition\"\n\
                     @1 : start=8192, size=2048, name=\"root fs\", attrs=\"LegacyBIOSBootable\"\n";

#[test]
fn the_last_partition_of_a_gpt_grows_and_all_else_stays() {
    let case = Case::new(16, CLOUD).on(64 * MIB);
    let before = Table::read(&case.disk).unwrap().unwrap();
    let dump = |path: &Path| tool("sfdisk", &["--dump"], path);
    let old = dump(&case.disk);
    let (done, after) = case.run().unwrap();
    assert_eq!(done, Done::Yes);
    let root = after.partition(1).unwrap();
    assert_eq!(root.end() * 512, 63 * MIB);
    for entry in before.partitions.iter().filter(|entry| entry.number != 1) {
        assert_eq!(after.partition(entry.number), Some(entry));
    }
    let expected = old.replace("last-lba: 32734", "last-lba: 131038").replace(
        "start=        8192, size=        2048",
        &format!("start=        8192, size= {:>11}", root.size),
    );
    assert_eq!(dump(&case.disk), expected);
    case.verify();
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    let case = Case::new(16, CLOUD).on(64 * MIB);
    case.run().unwrap();
    let bytes = fs::read(&case.disk).unwrap();
    assert!(matches!(case.run().unwrap().0, Done::Skipped(_)));
    assert!(bytes == fs::read(&case.disk).unwrap());
}

#[test]
fn a_disk_of_odd_size_is_used_up_to_its_last_mib() {
    let case = Case::new(16, CLOUD).on(64 * MIB + 5 * 512);
    let (_, table) = case.run().unwrap();
    // The backup takes 33 sectors, so the last whole MiB before it ends at 63.
    assert_eq!(table.partition(1).unwrap().end() * 512, 63 * MIB);
    case.verify();
    let case = Case::new(16, CLOUD).on(64 * MIB + 33 * 512);
    let (_, table) = case.run().unwrap();
    assert_eq!(table.partition(1).unwrap().end() * 512, 64 * MIB);
    case.verify();
}

#[test]
fn a_backup_gpt_is_moved_even_when_nothing_grows() {
    let case = Case::new(16, "label: gpt\nstart=2048, size=28672\n").on(16 * MIB + 512 * 8);
    assert_eq!(case.run().unwrap().0, Done::Yes);
    case.verify();
}

#[test]
fn a_broken_primary_gpt_is_repaired_from_the_backup() {
    use std::os::unix::fs::FileExt;
    let case = Case::new(16, CLOUD);
    let file = fs::OpenOptions::new().write(true).open(&case.disk).unwrap();
    file.write_all_at(b"junk", 512 + 16).unwrap();
    let (done, table) = case.run().unwrap();
    assert_eq!((done, table.needs_repair), (Done::Yes, false));
    case.verify();
}

#[test]
fn a_table_of_256_entries_keeps_its_room() {
    let script = "label: gpt\ntable-length: 256\nstart=4096, size=2048\n";
    let case = Case::new(16, script).on(32 * MIB + 40 * 512);
    let (_, table) = case.run().unwrap();
    assert_eq!(table.partition(1).unwrap().end() * 512, 31 * MIB);
    case.verify();
}

#[test]
fn a_primary_partition_of_an_mbr_grows_and_boot_code_stays() {
    use std::os::unix::fs::FileExt;
    let case = Case::new(
        16,
        "label: dos\nsize=4MiB, type=82\nsize=4MiB, type=83, bootable\n",
    );
    let file = fs::OpenOptions::new().write(true).open(&case.disk).unwrap();
    file.write_all_at(&[0xeb; 440], 0).unwrap();
    let case = case.on(64 * MIB);
    let (_, table) = case.run().unwrap();
    assert_eq!(table.partition(2).unwrap().end() * 512, 64 * MIB);
    assert_eq!(fs::read(&case.disk).unwrap()[..440], [0xeb; 440]);
    assert!(tool("sfdisk", &["--dump"], &case.disk).contains("bootable"));
}

#[test]
fn a_logical_partition_grows_with_the_extended_one_around_it() {
    let script = "label: dos\n@1 : start=2048, size=2048, type=83\n@2 : start=4096, size=20480, \
                  type=5\n@5 : start=6144, size=2048, type=83\n@6 : start=10240, size=2048, \
                  type=83\n";
    let case = Case::new(16, script).on(64 * MIB);
    let (done, table) = case.run().unwrap();
    assert_eq!(done, Done::Yes);
    let end = |number| table.partition(number).unwrap().end() * 512;
    assert_eq!((end(2), end(6)), (64 * MIB, 64 * MIB));
    assert_eq!((end(1), end(5)), (4096 * 512, 8192 * 512));
    tool("sfdisk", &["--verify"], &case.disk);
}

#[test]
fn a_disk_as_large_as_the_image_is_left_alone() {
    let case = Case::new(16, "label: dos\nstart=2048, size=30720\n");
    let before = fs::read(&case.disk).unwrap();
    assert!(matches!(case.run().unwrap().0, Done::Skipped(_)));
    assert!(before == fs::read(&case.disk).unwrap());
    assert!(case.directory.path().exists());
}

#[test]
fn an_mbr_ends_where_its_numbers_end() {
    let case = Case::new(16, "label: dos\nsize=4MiB\n").on(3 << 40);
    let (_, table) = case.run().unwrap();
    let end = table.partition(1).unwrap().end();
    let most = u64::from(u32::MAX);
    assert!(end <= most && end > most - 4096, "{end}");
}

#[test]
fn an_image_without_table_is_left_alone() {
    let parameters = parameters("");
    let mut warnings = Warnings::default();
    let done = run(&mut context(&parameters, &mut warnings)).unwrap();
    assert_eq!(
        done,
        Done::Skipped("the image has no partition table".into())
    );
}
