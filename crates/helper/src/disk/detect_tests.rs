//! Images whose root is found without mounting anything.
// SPDX-License-Identifier: BSD-2-Clause

use super::*;
use crate::run::testing::{Warnings, image, resize, tool};

fn properties(pairs: &[(&str, &str)]) -> Properties {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    Properties::new(pairs).unwrap()
}

/// Detects without any mount.
fn detected(disk: &Path, pairs: &[(&str, &str)]) -> (Result<System>, Vec<String>) {
    let table = Table::read(disk).unwrap();
    let mut warnings = Warnings::default();
    let target = Path::new("/nonexistent");
    let result = detect(
        disk,
        table.as_ref(),
        &properties(pairs),
        target,
        &mut warnings,
    );
    (result, warnings.0)
}

fn linux(partition: Option<u32>) -> System {
    System {
        family: OsFamily::Linux,
        partition,
    }
}

#[test]
fn the_type_of_a_root_partition_is_enough() {
    let directory = tempfile::tempdir().unwrap();
    let script = "label: gpt\nsize=1MiB, type=uefi\nsize=1MiB, type=L\nsize=1MiB, \
                  type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709\n";
    let disk = image(directory.path(), 16, script);
    let (system, warnings) = detected(&disk, &[]);
    assert_eq!(system.unwrap(), linux(Some(3)));
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("linux on partition 3"), "{warnings:?}");
}

#[test]
fn bsd_systems_are_known_by_their_type() {
    for (kind, family) in [("a5", OsFamily::FreeBsd), ("a6", OsFamily::OpenBsd)] {
        let directory = tempfile::tempdir().unwrap();
        let script = format!("label: dos\nsize=1MiB, type=c\nsize=1MiB, type={kind}\n");
        let disk = image(directory.path(), 16, &script);
        let system = detected(&disk, &[]).0.unwrap();
        assert_eq!((system.family, system.partition), (family, Some(2)));
    }
}

#[test]
fn what_is_given_is_taken_without_a_look() {
    let directory = tempfile::tempdir().unwrap();
    let disk = image(directory.path(), 16, "label: dos\nsize=1MiB\nsize=1MiB\n");
    let pairs = [("OSFAMILY", "linux"), ("ROOT_PARTITION", "2")];
    let (system, warnings) = detected(&disk, &pairs);
    assert_eq!(system.unwrap(), linux(Some(2)));
    assert!(warnings.is_empty());
}

#[test]
fn a_partition_that_is_not_there_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let disk = image(directory.path(), 16, "label: dos\nsize=1MiB\nsize=1MiB\n");
    let error = detected(&disk, &[("ROOT_PARTITION", "7")])
        .0
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("ROOT_PARTITION=7") && error.contains("1, 2"),
        "{error}"
    );
}

#[test]
fn a_file_system_on_the_whole_disk_is_the_root() {
    let file = tempfile::NamedTempFile::new().unwrap();
    resize(file.path(), 8 << 20);
    let nothing = detected(file.path(), &[]).0.unwrap_err().to_string();
    assert!(nothing.contains("no partition table and no file system that is known"));
    tool("mke2fs", &["-q", "-F", "-t", "ext4"], file.path());
    assert_eq!(detected(file.path(), &[]).0.unwrap(), linux(None));
    let error = detected(file.path(), &[("ROOT_PARTITION", "1")])
        .0
        .unwrap_err()
        .to_string();
    assert!(error.contains("no partition table"), "{error}");
}
