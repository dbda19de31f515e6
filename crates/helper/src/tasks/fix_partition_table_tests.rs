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
        let (done, table, _) = self.run_with("")?;
        Ok((done, table))
    }

    /// Runs the task with these properties; also gives what it said.
    fn run_with(&self, properties: &str) -> Result<(Done, Table, Vec<String>)> {
        let parameters = parameters(properties);
        let mut warnings = Warnings::default();
        let mut context = context(&parameters, &mut warnings);
        context.disks = vec![self.disk.clone()];
        context.table = Table::read(&self.disk)?;
        let done = run(&mut context)?;
        let table = context.table.take().unwrap();
        Ok((done, table, warnings.0))
    }

    /// Puts a file system or swap space at so many MiB.
    fn fill(&self, program: &str, arguments: &[&str], start: u64, mib: u64) {
        use std::os::unix::fs::FileExt;
        let made = self.directory.path().join("made");
        resize(&made, mib * MIB);
        tool(program, arguments, &made);
        let disk = fs::OpenOptions::new().write(true).open(&self.disk).unwrap();
        disk.write_all_at(&fs::read(&made).unwrap(), start * MIB)
            .unwrap();
        fs::remove_file(made).unwrap();
    }

    /// On a larger disk no partition changes, and these words say why.
    fn keeps_its_partitions(self, words: &str) {
        let before = Table::read(&self.disk).unwrap().unwrap();
        let (_, after, told) = self.on(64 * MIB).run_with("").unwrap();
        assert_eq!(after.partitions, before.partitions, "{words}");
        assert!(told.iter().any(|told| told.contains(words)), "{told:?}");
    }

    /// The swap space at so many sectors, as blkid(8) names it.
    fn swap_at(&self, start: u64) -> String {
        let offset = (start * 512).to_string();
        tool("blkid", &["-p", "-O", &offset, "-o", "export"], &self.disk)
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
fn a_primary_partition_behind_the_extended_one_grows_alone() {
    let script = "label: dos\n@4 : start=2048, size=2048, type=83\n@3 : start=4096, size=8192, \
                  type=f\n@5 : start=6144, size=2048, type=83\n@2 : start=12288, size=2048, \
                  type=83\n";
    let case = Case::new(16, script).on(64 * MIB);
    let before = Table::read(&case.disk).unwrap().unwrap();
    let (done, table) = case.run().unwrap();
    assert_eq!(done, Done::Yes);
    assert_eq!(table.partition(2).unwrap().end() * 512, 64 * MIB);
    for number in [3, 4, 5] {
        assert_eq!(table.partition(number), before.partition(number));
    }
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
    let (_, table, warnings) = case.run_with("").unwrap();
    let end = table.partition(1).unwrap().end();
    let most = u64::from(u32::MAX);
    assert!(end <= most && end > most - 4096, "{end}");
    let said = "the last 1048576 MiB of the disk stay unused";
    assert!(
        warnings.iter().any(|text| text.contains(said)),
        "{warnings:?}"
    );
}

#[test]
fn a_partition_for_swap_space_comes_behind_the_one_that_grows() {
    let case = Case::new(16, CLOUD).on(64 * MIB);
    let (_, table, _) = case.run_with(r#""SWAP":"3:20""#).unwrap();
    let swap = table.partition(3).unwrap();
    assert_eq!((swap.size, swap.end()), (40960, 63 * 2048));
    assert_eq!(table.partition(1).unwrap().end(), swap.start);
    assert_eq!(swap.kind, "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F");
    case.verify();
    let bytes = fs::read(&case.disk).unwrap();
    assert!(matches!(
        case.run_with(r#""SWAP":"3:20""#).unwrap().0,
        Done::Skipped(_)
    ));
    assert!(bytes == fs::read(&case.disk).unwrap());

    let primary = Case::new(16, "label: dos\nsize=4MiB, type=83, bootable\n").on(64 * MIB);
    let (_, table, _) = primary.run_with(r#""SWAP":"3:20""#).unwrap();
    assert_eq!(table.partition(1).unwrap().end(), 44 * 2048);
    assert_eq!(table.partition(3).unwrap().kind, "82");
    let logical = Case::new(16, "label: dos\nsize=4MiB, type=83, bootable\n").on(64 * MIB);
    let (_, table, _) = logical.run_with(r#""SWAP":"5:20""#).unwrap();
    assert_eq!(table.partition(1).unwrap().end(), 43 * 2048);
    assert!(table.partition(2).unwrap().is_extended());
    assert_eq!(table.partition(5).unwrap().start, 44 * 2048);
    tool("sfdisk", &["--verify"], &logical.disk);
    let script = "label: dos\n@1 : start=2048, size=2048, type=83\n@2 : start=4096, size=20480, \
                  type=5\n@5 : start=6144, size=2048, type=83\n";
    let both = Case::new(16, script).on(64 * MIB);
    let (_, table, _) = both.run_with(r#""SWAP":"6:20""#).unwrap();
    assert_eq!(table.partition(5).unwrap().end(), 43 * 2048);
    assert_eq!(table.partition(6).unwrap().start, 44 * 2048);
    tool("sfdisk", &["--verify"], &both.disk);
}

#[test]
fn swap_space_without_room_or_table_is_a_failure() {
    let case = Case::new(16, CLOUD).on(64 * MIB);
    let error = case.run_with(r#""SWAP":"3:200""#).unwrap_err().to_string();
    assert!(
        error.contains("SWAP=3:200: only 58 MiB are free"),
        "{error}"
    );
    let parameters = parameters(r#""SWAP":"3:200""#);
    let mut warnings = Warnings::default();
    let error = run(&mut context(&parameters, &mut warnings)).unwrap_err();
    assert!(
        error.to_string().contains("has no partition table"),
        "{error}"
    );
}

const SWAP_ID: &str = "0a1b2c3d-1111-4222-8333-444455556666";

/// The image with a file system of 8 MiB and swap space of 4, both at so many MiB, on a larger
/// disk: where the partitions lie afterwards, in MiB.
fn moved(script: &str, root: (u32, u64), swap: (u32, u64)) -> ((u64, u64), (u64, u64)) {
    let case = Case::new(32, script);
    case.fill("mkfs.ext4", &["-q"], root.1, 8);
    case.fill("mkswap", &["-U", SWAP_ID, "-L", "my swap"], swap.1, 4);
    let case = case.on(64 * MIB);
    let before = Table::read(&case.disk).unwrap().unwrap();
    let (_, table, said) = case.run_with("").unwrap();
    assert!(said[0].contains("swap space"), "{said:?}");
    let old = before.partition(swap.0).unwrap();
    let new = table.partition(swap.0).unwrap();
    assert_eq!(
        (&old.kind, &old.part_uuid, &old.name, old.size),
        (&new.kind, &new.part_uuid, &new.name, new.size)
    );
    assert_eq!(before.partitions.len(), table.partitions.len());
    let known = case.swap_at(new.start);
    assert!(known.contains(&format!("UUID={SWAP_ID}\n")), "{known}");
    assert!(known.contains("LABEL=my"), "{known}");
    if table.label == Label::Gpt {
        case.verify();
    } else {
        tool("sfdisk", &["--verify"], &case.disk);
    }
    let place = |number| {
        let entry = table.partition(number).unwrap();
        (entry.start / 2048, entry.end() / 2048)
    };
    (place(root.0), place(swap.0))
}

#[test]
fn swap_space_in_the_way_is_moved_with_all_its_names() {
    let gpt = "label: gpt\n@1 : start=2048, size=16384\n@9 : start=18432, size=8192, type=swap, \
               name=\"the swap\", attrs=\"RequiredPartition\"\n";
    assert_eq!(moved(gpt, (1, 1), (9, 9)), ((1, 59), (59, 63)));
    let primary = "label: dos\n@1 : start=2048, size=16384, bootable\n@3 : start=18432, \
                   size=8192, type=82\n";
    assert_eq!(moved(primary, (1, 1), (3, 9)), ((1, 60), (60, 64)));
    // As Debian's installer leaves a disk.
    let debian = "label: dos\n@1 : start=2048, size=16384, bootable\n@2 : start=20478, \
                  size=8194, type=5\n@5 : start=20480, size=8192, type=82\n";
    assert_eq!(moved(debian, (1, 1), (5, 10)), ((1, 59), (60, 64)));
    let logical = "label: dos\n@2 : start=2048, size=40960, type=f\n@5 : start=4096, size=16384\n\
                   @6 : start=22528, size=8192, type=82\n";
    assert_eq!(moved(logical, (5, 2), (6, 11)), ((2, 59), (60, 64)));
}

#[test]
fn swap_space_with_a_hibernated_system_stays() {
    use std::os::unix::fs::FileExt;
    let script =
        "label: gpt\n@1 : start=2048, size=16384\n@2 : start=18432, size=8192, type=swap\n";
    let case = Case::new(32, script);
    case.fill("mkfs.ext4", &["-q"], 1, 8);
    case.fill("mkswap", &[], 9, 4);
    let file = fs::OpenOptions::new().write(true).open(&case.disk).unwrap();
    file.write_all_at(b"S1SUSPEND\0", 9 * MIB + 4086).unwrap();
    let case = case.on(64 * MIB);
    let before = Table::read(&case.disk).unwrap().unwrap();
    let (_, table, said) = case.run_with("").unwrap();
    assert!(said[0].contains("hibernated system"), "{said:?}");
    assert_eq!(table.partitions, before.partitions);
    case.verify();
}

#[test]
fn what_cannot_grow_stays_as_large_and_is_named() {
    for (script, program, words) in [
        (
            "label: gpt\n@1 : start=2048, size=8192\n@2 : start=10240, size=8192, type=uefi\n",
            "true",
            "partition 2 of the image, which lies last, is read by firmware",
        ),
        (
            "label: dos\n@1 : start=2048, size=8192\n@2 : start=10240, size=8192, type=c\n",
            "mkfs.vfat",
            "partition 2 of the image, which lies last, holds vfat",
        ),
        (
            "label: dos\n@1 : start=2048, size=8192\n@2 : start=10240, size=8192, type=5\n\
             @5 : start=12288, size=6144, type=ef\n",
            "true",
            "partition 5 of the image, which lies last, is read by firmware",
        ),
    ] {
        let case = Case::new(16, script);
        if program != "true" {
            case.fill(program, &[], 5, 4);
        }
        case.keeps_its_partitions(words);
    }
}

#[test]
fn swap_space_that_cannot_be_moved_is_named() {
    // Encrypted with a key that is new at each start.
    let random = "label: gpt\n@1 : start=2048, size=8192\n@2 : start=10240, size=8192, type=swap\n";
    // The number of what lies behind it among the logical ones would change.
    let renumbered = "label: dos\n@1 : start=2048, size=8192\n@2 : start=10240, size=20480, type=5\n\
         @5 : start=22528, size=6144, type=82\n@6 : start=12288, size=2048, type=83\n";
    for (script, swap, words) in [
        (random, None, "holds none that is known"),
        (
            renumbered,
            Some(11),
            "the numbers of other partitions would change",
        ),
    ] {
        let case = Case::new(16, script);
        case.fill("mkfs.ext4", &["-q"], 1, 4);
        if let Some(at) = swap {
            case.fill("mkfs.ext4", &["-q"], 6, 1);
            case.fill("mkswap", &["-q"], at, 3);
        }
        case.keeps_its_partitions(words);
    }
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
