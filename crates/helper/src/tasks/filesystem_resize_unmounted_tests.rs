//! File systems on grown image files, judged by e2fsck(8).
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use super::*;
use crate::run::testing::{Warnings, context, parameters, resize, tool};

/// Runs the task over a file system that lies on a whole disk.
fn run_on(disk: &Path) -> Result<Done> {
    run_with(disk, "")
}

fn run_with(disk: &Path, properties: &str) -> Result<Done> {
    let parameters = parameters(properties);
    let mut warnings = Warnings::default();
    let mut context = context(&parameters, &mut warnings);
    context.disks = vec![disk.into()];
    // A file is no device that could be mounted: what grows there grows unmounted.
    let directory = tempfile::tempdir().unwrap();
    context.target = directory.path().join("target");
    run(&mut context)
}

fn made(mib: u64, kind: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    resize(file.path(), mib << 20);
    let quiet: &[&str] = match kind {
        "fat" => &[],
        "ntfs" => &["-q", "-F", "-Q"],
        _ => &["-q"],
    };
    tool(&format!("mkfs.{kind}"), quiet, file.path());
    file
}

fn skipped(done: Result<Done>) -> String {
    match done {
        Ok(Done::Skipped(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ext_file_systems_grow_to_the_end_of_their_device() {
    for kind in ["ext2", "ext3", "ext4"] {
        let disk = made(32, kind);
        resize(disk.path(), 128 << 20);
        assert_eq!(run_on(disk.path()).unwrap(), Done::Yes);
        tool("e2fsck", &["-f", "-n"], disk.path());
        let superblock = Superblock::read(disk.path()).unwrap();
        assert_eq!(superblock.fit(128 << 20), Fit::Fills);
        assert!(skipped(run_on(disk.path())).contains("already fills"));
    }
}

#[test]
fn what_e2fsck_can_repair_is_repaired_on_the_way() {
    let disk = made(32, "ext4");
    tool(
        "debugfs",
        &["-w", "-R", "ssv free_blocks_count 7"],
        disk.path(),
    );
    tool("debugfs", &["-w", "-R", "ssv state 2"], disk.path());
    let copy = tempfile::NamedTempFile::new().unwrap();
    std::fs::copy(disk.path(), copy.path()).unwrap();
    let alone = std::process::Command::new("e2fsck")
        .args(["-f", "-p"])
        .arg(copy.path())
        .output()
        .unwrap();
    // "Errors corrected", by which 0.23 let the deployment fail.
    assert_eq!(alone.status.code(), Some(1), "{alone:?}");
    resize(disk.path(), 64 << 20);
    assert_eq!(run_on(disk.path()).unwrap(), Done::Yes);
    tool("e2fsck", &["-f", "-n"], disk.path());
}

#[test]
fn damage_beyond_repair_is_told_and_nothing_grows() {
    let disk = made(32, "ext4");
    tool("debugfs", &["-w", "-R", "clri <2>"], disk.path());
    resize(disk.path(), 64 << 20);
    let error = run_on(disk.path()).unwrap_err().to_string();
    assert!(error.contains("dirty beyond repair: run e2fsck"), "{error}");
    let superblock = Superblock::read(disk.path()).unwrap();
    assert_eq!(superblock.fit(32 << 20), Fit::Fills);
}

#[test]
fn a_file_system_cut_short_is_refused() {
    let disk = made(32, "ext4");
    resize(disk.path(), 16 << 20);
    let error = run_on(disk.path()).unwrap_err().to_string();
    assert!(error.contains("the image is incomplete"), "{error}");
}

#[test]
fn another_file_system_is_left_alone_by_name() {
    let disk = made(320, "xfs");
    assert!(skipped(run_on(disk.path())).contains("holds xfs, which grows while it is mounted"));
    let disk = made(64, "fat");
    assert!(skipped(run_on(disk.path())).contains("holds vfat, which is not grown"));
    let disk = made(1, "ext4");
    std::fs::write(disk.path(), b"LUKS\xba\xbe\0\x02").unwrap();
    assert!(skipped(run_on(disk.path())).contains("is encrypted (LUKS)"));
    let empty = tempfile::NamedTempFile::new().unwrap();
    assert!(skipped(run_on(empty.path())).contains("no file system"));
}

#[test]
fn f2fs_grows_to_the_end_of_its_device() {
    let disk = made(64, "f2fs");
    resize(disk.path(), 128 << 20);
    assert_eq!(run_on(disk.path()).unwrap(), Done::Yes);
    tool("fsck.f2fs", &["-f"], disk.path());
    assert!(skipped(run_on(disk.path())).contains("already fills"));
}

#[test]
fn an_ntfs_can_be_left_for_windows_to_grow() {
    let disk = made(32, "ntfs");
    resize(disk.path(), 64 << 20);
    let left = skipped(run_with(disk.path(), r#""OFFLINE_NTFSRESIZE":"no""#));
    assert!(left.contains("left for Windows to grow"), "{left}");
    assert_eq!(ntfs::read_fit(disk.path()).unwrap(), Fit::Grows);
}
