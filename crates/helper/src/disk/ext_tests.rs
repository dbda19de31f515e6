//! Superblocks as mke2fs(8) makes them and debugfs(8) damages them.
// SPDX-License-Identifier: BSD-2-Clause

use super::*;
use crate::run::testing::{resize, tool};

fn made(mib: u64, arguments: &[&str]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    resize(file.path(), mib << 20);
    tool("mke2fs", &[&["-q", "-F"], arguments].concat(), file.path());
    file
}

#[test]
fn a_file_system_grows_fills_or_exceeds_its_device() {
    for arguments in [&["-t", "ext4"][..], &["-t", "ext2", "-b", "1024"]] {
        let file = made(16, arguments);
        let superblock = Superblock::read(file.path()).unwrap();
        assert_eq!(superblock.fit(16 << 20), Fit::Fills);
        assert_eq!(superblock.fit((16 << 20) + 100), Fit::Fills);
        assert_eq!(superblock.fit(32 << 20), Fit::Grows);
        assert_eq!(superblock.fit(8 << 20), Fit::Exceeds);
        assert!(!superblock.needs_check());
    }
}

#[test]
fn more_than_two_to_the_32_blocks_are_counted() {
    let file = made(64, &["-t", "ext4", "-O", "64bit"]);
    let mut head = device::head(file.path(), 2048).unwrap();
    head[1024 + 0x150] = 1;
    let superblock = Superblock::parse(&head).unwrap();
    assert!(superblock.blocks > 1 << 32);
}

#[test]
fn errors_once_seen_ask_for_a_check_and_are_repaired() {
    let file = made(16, &["-t", "ext4"]);
    tool("debugfs", &["-w", "-R", "ssv state 2"], file.path());
    assert!(Superblock::read(file.path()).unwrap().needs_check());
    check(file.path(), "partition 1").unwrap();
    assert!(!Superblock::read(file.path()).unwrap().needs_check());
}

#[test]
fn checksums_are_those_of_all_metadata() {
    for (features, expected) in [("metadata_csum", true), ("^metadata_csum,uninit_bg", false)] {
        let file = made(16, &["-t", "ext4", "-O", features]);
        let superblock = Superblock::read(file.path()).unwrap();
        assert_eq!(superblock.has_checksums(), expected);
    }
}

#[test]
fn a_file_system_that_needs_a_person_is_refused() {
    let file = made(16, &["-t", "ext4"]);
    // Two names for one directory: only a person can say which one is right.
    tool("debugfs", &["-w", "-R", "mkdir /a"], file.path());
    tool("debugfs", &["-w", "-R", "clri <2>"], file.path());
    let error = check(file.path(), "partition 1 of the image")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("the file system of partition 1 of the image is dirty"),
        "{error}"
    );
}

#[test]
fn what_is_no_ext_file_system_is_refused() {
    let mut head = vec![0; 2048];
    assert_eq!(Superblock::parse(&head), None);
    head[1024 + 56..1024 + 58].copy_from_slice(&MAGIC.to_le_bytes());
    assert!(Superblock::parse(&head).is_some());
    head[1024 + 24] = 200;
    assert_eq!(Superblock::parse(&head), None);
    assert!(Superblock::read(Path::new("/dev/null")).is_err());
}
