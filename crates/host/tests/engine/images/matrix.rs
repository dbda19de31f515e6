//! Every form of image, in every compression, from every source, onto every kind of target.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};

use snf_image::format::{Format, boot_code};
use snf_image_testkit::loop_device::Loop;
use snf_image_testkit::web::Web;

use crate::images::stage::{By, MIB, Stage, stale};
use crate::images::storage::{Formatted, device};

/// The disk: it ends within a mebibyte, and in whole sectors of 4096 bytes.
const DISK: u64 = 5 * MIB + 8192;

/// Name and shell script, from `raw` to `image`. Each tool unpacks the image again, so that it
/// is known that it holds what the raw image holds.
const COMPRESSIONS: [(&str, &str); 9] = [
    ("none", "cp --sparse=always raw image"),
    ("gzip", "gzip -1 -c raw > image; gzip -dc image | cmp - raw"),
    ("bgzip", "bgzip -c raw > image; bgzip -dc image | cmp - raw"),
    (
        "bzip2",
        "bzip2 -1 -c raw > image; bzip2 -dc image | cmp - raw",
    ),
    ("xz", "xz -0 -T1 -c raw > image; xz -dc image | cmp - raw"),
    (
        "xz, many blocks",
        "xz -0 -T2 --block-size=512KiB -c raw > image; xz -dc image | cmp - raw",
    ),
    (
        "zstd",
        "zstd -q -1 -c raw > image; zstd -q -dc image | cmp - raw",
    ),
    (
        "pzstd",
        "pzstd -q -1 -p 2 -c raw > image; zstd -q -dc image | cmp - raw",
    ),
    ("lz4", "lz4 -q -c raw > image; lz4 -q -dc image | cmp - raw"),
];

/// A target.
struct Kind {
    name: String,
    path: PathBuf,
    /// Whether it is there before, and full of something else.
    is_stale: bool,
    _device: Option<Loop>,
}

impl Kind {
    fn file(name: &str, path: PathBuf, is_stale: bool) -> Self {
        Kind {
            name: name.into(),
            path,
            is_stale,
            _device: None,
        }
    }
}

/// A file that is not there, and one that is.
fn files(stage: &Stage) -> [Kind; 2] {
    [
        Kind::file("a new file", stage.path("new"), false),
        Kind::file("a file", stage.path("old"), true),
    ]
}

/// Devices with sectors of either size, where the machine has any.
fn devices(stage: &Stage) -> Vec<Kind> {
    let kind = |sector| {
        let name = format!("sectors of {sector}");
        let device = device(&stage.path(&name), DISK, sector)?;
        Some(Kind {
            name,
            path: device.name().into(),
            is_stale: true,
            _device: Some(device),
        })
    };
    [512, 4096].into_iter().filter_map(kind).collect()
}

/// Puts the raw image `raw`, in all compressions, from all sources, onto `targets`, and looks
/// whether they hold `expected` then, and zeroes behind it.
fn all_ways(stage: &Stage, format: Format, targets: &[Kind], expected: &[u8]) {
    let mut disk = expected.to_vec();
    disk.resize(usize::try_from(DISK).unwrap(), 0);
    let web = Web::over(&stage.path("")).unwrap();
    for (name, script) in COMPRESSIONS {
        stage.run(script);
        for by in [By::File, By::Pipe, By::Url(&web)] {
            for target in targets {
                let path = &target.path;
                if target.is_stale {
                    fs::write(path, stale(DISK)).unwrap();
                } else {
                    let _ = fs::remove_file(path);
                }
                let size = (!target.is_stale).then_some(DISK);
                let put = stage.put_onto(path, size, "image", format, by);
                let way = format!("{name} by {by:?} onto {}", target.name);
                assert!(put.is_ok(), "{way}: {put:?}");
                assert!(fs::read(path).unwrap() == disk, "{way}");
            }
        }
    }
}

#[test]
fn a_dump_of_a_disk_becomes_that_disk_in_a_file() {
    let stage = Stage::set();
    let raw = fs::read(stage.raw(3 * MIB + 512)).unwrap();
    all_ways(&stage, Format::Diskdump, &files(&stage), &raw);
}

#[test]
fn a_dump_of_a_disk_becomes_that_disk_on_a_device() {
    let stage = Stage::set();
    let raw = fs::read(stage.raw(3 * MIB + 512)).unwrap();
    all_ways(&stage, Format::Diskdump, &devices(&stage), &raw);
}

#[test]
fn a_dump_of_a_disk_becomes_that_disk_on_other_file_systems() {
    let stage = Stage::set();
    let raw = fs::read(stage.raw(3 * MIB + 512)).unwrap();
    let storage: Vec<Formatted> = [
        (["mkfs.btrfs", "-q"], 128 * MIB),
        (["mkfs.xfs", "-q"], 320 * MIB),
    ]
    .into_iter()
    .filter_map(|(mkfs, length)| Formatted::new(&stage.path(""), &mkfs, length))
    .collect();
    let disk = |mounted: &Formatted| {
        let name = mounted.path().file_name().unwrap().to_string_lossy();
        Kind::file(&name, mounted.path().join("disk"), true)
    };
    let targets: Vec<Kind> = storage.iter().map(disk).collect();
    all_ways(&stage, Format::Diskdump, &targets, &raw);
}

#[test]
fn a_dump_of_ext4_becomes_a_disk() {
    let stage = Stage::set();
    stage.run("truncate -s 3M raw; mke2fs -q -t ext4 -O ^has_journal raw; e2fsck -f -n raw");
    let disk = disk_with_one(&stage.path("raw"), 0x83);
    all_ways(&stage, Format::Extdump, &files(&stage), &disk);
}

#[test]
fn a_dump_of_ntfs_becomes_a_disk() {
    let stage = Stage::set();
    // As it is dumped from somewhere else, and as it has to be where it comes to.
    stage.run("truncate -s 3M raw; mkntfs -q -F -p 63 -H 16 -S 63 raw; ntfsinfo -m raw");
    stage.run("cp raw moved; printf '\\0\\10\\0\\0' >start");
    stage.run("dd if=start of=moved bs=1 seek=28 conv=notrunc");
    stage.run("dd if=start of=moved bs=1 seek=$((3 * 1048576 - 512 + 28)) conv=notrunc");
    let disk = disk_with_one(&stage.path("moved"), 0x07);
    all_ways(&stage, Format::Ntfsdump, &files(&stage), &disk);
}

#[test]
fn a_qcow2_image_becomes_the_disk_in_it() {
    let stage = Stage::set();
    let disk = fs::read(stage.raw(3 * MIB + 512)).unwrap();
    stage.run("mv raw disk.raw; qemu-img convert -f raw -O qcow2 -o cluster_size=4k disk.raw raw");
    all_ways(&stage, Format::Qcow2, &files(&stage), &disk);
}

/// The disk of a dump: boot code, a table with one active partition at sector 2048, and the
/// file system there.
fn disk_with_one(raw: &Path, partition_type: u8) -> Vec<u8> {
    let raw = fs::read(raw).unwrap();
    let mut disk = boot_code().unwrap();
    disk.resize(446, 0);
    disk.extend([0x80, 0xfe, 0xff, 0xff, partition_type, 0xfe, 0xff, 0xff]);
    disk.extend(2048_u32.to_le_bytes());
    disk.extend(u32::try_from(raw.len() / 512).unwrap().to_le_bytes());
    disk.resize(510, 0);
    disk.extend([0x55, 0xaa]);
    disk.resize(1 << 20, 0);
    disk.extend(raw);
    disk
}
