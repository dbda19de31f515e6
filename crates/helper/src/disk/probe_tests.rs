//! What the file systems' own tools make is known again.
// SPDX-License-Identifier: BSD-2-Clause

use proptest::prelude::*;

use super::*;
use crate::run::testing::{resize, tool};

const ID: &str = "0a1b2c3d-1111-4222-8333-444455556666";

fn made(mib: u64, program: &str, arguments: &[&str]) -> Option<Found> {
    let file = tempfile::NamedTempFile::new().unwrap();
    resize(file.path(), mib << 20);
    tool(program, arguments, file.path());
    read(file.path()).unwrap()
}

fn found(kind: Kind, uuid: &str, label: &str) -> Option<Found> {
    Some(Found {
        kind,
        uuid: Some(uuid.into()),
        label: Some(label.into()),
    })
}

#[test]
fn ext_file_systems_are_told_apart() {
    for (program, generation) in [
        ("mkfs.ext2", ext::Generation::Ext2),
        ("mkfs.ext3", ext::Generation::Ext3),
        ("mkfs.ext4", ext::Generation::Ext4),
    ] {
        let made = made(8, program, &["-q", "-U", ID, "-L", "my root"]);
        assert_eq!(made, found(Kind::Ext(generation), ID, "my root"));
    }
}

#[test]
fn other_linux_file_systems_are_known() {
    let uuid = format!("uuid={ID}");
    let xfs = made(320, "mkfs.xfs", &["-q", "-m", &uuid, "-L", "data"]);
    assert_eq!(xfs, found(Kind::Xfs, ID, "data"));
    let btrfs = made(128, "mkfs.btrfs", &["-q", "-U", ID, "-L", "data"]);
    assert_eq!(btrfs, found(Kind::Btrfs, ID, "data"));
    let swap = made(8, "mkswap", &["-U", ID, "-L", "swap"]);
    assert_eq!(swap, found(Kind::Swap, ID, "swap"));
}

#[test]
fn fat_of_both_widths_is_known() {
    for (mib, bits) in [(8, "12"), (32, "16"), (64, "32")] {
        let made = made(
            mib,
            "mkfs.fat",
            &["-F", bits, "-i", "ABCD0123", "-n", "EFI"],
        );
        assert_eq!(made, found(Kind::Vfat, "ABCD-0123", "EFI"));
    }
}

#[test]
fn a_younger_file_system_hides_the_older_one_below_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    resize(file.path(), 320 << 20);
    for (program, arguments, kind) in [
        ("mkfs.btrfs", &["-q", "-f"][..], "btrfs"),
        ("mkfs.ext4", &["-q", "-F"], "ext4"),
        ("mkfs.xfs", &["-q", "-f"], "xfs"),
        ("mkfs.ext4", &["-q", "-F"], "ext4"),
        ("mkfs.btrfs", &["-q", "-f"], "btrfs"),
    ] {
        tool(program, arguments, file.path());
        let found = read(file.path()).unwrap().unwrap();
        assert_eq!(found.kind.to_string(), kind);
    }
}

#[test]
fn volumes_that_hide_a_file_system_are_known() {
    let mut head = vec![0; 4096];
    head[..6].copy_from_slice(b"LUKS\xba\xbe");
    assert_eq!(parse(&head).unwrap().kind, Kind::Luks);
    let mut head = vec![0; 4096];
    head[512..520].copy_from_slice(b"LABELONE");
    head[536..544].copy_from_slice(b"LVM2 001");
    assert_eq!(parse(&head).unwrap().kind, Kind::Lvm);
}

#[test]
fn nothing_is_found_in_nothing() {
    assert_eq!(parse(&[]), None);
    assert_eq!(parse(&[0; 69632]), None);
    assert_eq!(parse(&[0xff; 69632]), None);
}

/// Where a superblock is asked for its magic, and the magic.
const MAGICS: [(usize, &[u8]); 10] = [
    (0, b"LUKS\xba\xbe"),
    (0, b"XFSB"),
    (1024 + 56, &[0x53, 0xef]),
    (0x1_0040, b"_BHRfS_M"),
    (4086, b"SWAPSPACE2"),
    (3, b"NTFS    "),
    (82, b"FAT32"),
    (54, b"FAT16"),
    (510, &[0x55, 0xaa]),
    (8192 + 1372, &[0x54, 0x19, 1, 0]),
];

proptest! {
    #[test]
    fn no_superblock_makes_it_panic(
        seed: u64, length in 0..69632_usize, magics in proptest::collection::vec(0..10_usize, 0..4)
    ) {
        let mut state = seed | 1;
        let mut head: Vec<u8> = (0..length).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        }).collect();
        for (at, magic) in magics.iter().map(|index| MAGICS[*index]) {
            if let Some(place) = head.get_mut(at..at + magic.len()) {
                place.copy_from_slice(magic);
            }
        }
        let _ = parse(&head);
        let _ = is_boot_sector_of_file_system(&head);
    }
}
