//! Images in the format qcow2.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use nix::sys::resource::{UsageWho, getrusage};
use snf_image::format::Format;

use crate::images::stage::{By, MIB, Stage};

const RAW: u64 = 9 * MIB + 512;
const DISK: u64 = 12 * MIB;

/// Every kind: name and shell script, from `raw` to `image`.
const KINDS: [(&str, &str); 8] = [
    ("plain", "qemu-img convert -O qcow2 raw image"),
    (
        "version 2",
        "qemu-img convert -O qcow2 -o compat=0.10 raw image",
    ),
    ("zlib", "qemu-img convert -c -O qcow2 raw image"),
    (
        "zstd, large clusters",
        "qemu-img convert -c -O qcow2 -o compression_type=zstd,cluster_size=2M raw image",
    ),
    (
        "small clusters",
        "qemu-img convert -O qcow2 -o cluster_size=512 raw image",
    ),
    (
        "subclusters",
        "qemu-img convert -O qcow2 -o extended_l2=on,cluster_size=128k raw image",
    ),
    (
        "snapshots, and more behind them",
        "qemu-img create -q -f qcow2 image 9437696; qemu-img snapshot -c empty image; \
         qemu-img convert -n -O qcow2 raw image; qemu-img snapshot -c full image",
    ),
    (
        "prepared, with reference counts still to be written",
        "qemu-img convert -O qcow2 -o lazy_refcounts=on,preallocation=metadata raw image",
    ),
];

#[test]
fn every_kind_becomes_the_disk_that_qemu_img_makes_of_it() {
    let stage = Stage::set();
    let raw = stage.raw(RAW);
    for (name, script) in KINDS {
        stage.run(&format!(
            "rm -f image; {script}; qemu-img convert -O raw image again; cmp raw again"
        ));
        for by in [By::File, By::Pipe] {
            let copied = stage.put("image", Format::Qcow2, by, DISK);
            let copied = copied.unwrap_or_else(|failure| panic!("{name} by {by:?}: {failure}"));
            assert_eq!(copied.length(), RAW, "{name}");
            stage.assert_holds(&raw);
        }
        assert_eq!(stage.measure("image", Format::Qcow2), Some(RAW), "{name}");
    }
}

#[test]
fn one_that_is_compressed_as_a_whole_is_unpacked_first() {
    let stage = Stage::set();
    let raw = stage.raw(RAW);
    stage.run("qemu-img convert -O qcow2 raw plain");
    for pack in ["gzip", "bzip2", "xz -0", "zstd -q", "lz4 -q"] {
        stage.run(&format!("{pack} -c plain > image"));
        for by in [By::File, By::Pipe] {
            let copied = stage.put("image", Format::Qcow2, by, DISK);
            copied.unwrap_or_else(|failure| panic!("{pack} by {by:?}: {failure}"));
            stage.assert_holds(&raw);
        }
    }
}

#[test]
fn what_refers_to_something_else_or_is_no_such_image_is_refused() {
    let stage = Stage::set();
    stage.raw(RAW);
    stage.run("qemu-img convert -O qcow2 raw base");
    for (script, words) in [
        (
            "qemu-img create -q -f qcow2 -b base -F qcow2 image",
            "flatten it with qemu-img convert",
        ),
        (
            "qemu-img create -q -f qcow2 -o data_file=data,data_file_raw=on image 1M",
            "keeps its data in another file",
        ),
        (
            "qemu-img create -q --object secret,id=s,data=x -f qcow2 \
             -o encrypt.format=luks,encrypt.iter-time=10,encrypt.key-secret=s image 1M",
            "is encrypted",
        ),
        ("cp raw image", "not a qcow2 image"),
        ("head -c 100000 base > image", "truncated"),
        ("head -c 60 base > image", "cut short"),
        (
            "qemu-img create -q -f qcow2 image 13M",
            "only 12582912; use a larger one",
        ),
    ] {
        stage.run(&format!("rm -f image data; {script}"));
        for by in [By::File, By::Pipe] {
            let refusal = stage.put("image", Format::Qcow2, by, DISK).unwrap_err();
            assert!(refusal.contains(words), "{script} by {by:?}: {refusal}");
        }
        let disk = fs::read(stage.path("disk")).unwrap();
        assert!(
            disk.iter().all(|byte| *byte == 0xa5),
            "{script}: the disk was touched"
        );
    }
}

#[test]
fn a_bomb_fills_the_temporary_file_no_further_than_the_disk_could_need() {
    let stage = Stage::set();
    stage.run(
        "head -c 64M /dev/urandom > part; for i in $(seq 3); do cat part; done | zstd -q --long=27 > image",
    );
    let refusal = stage
        .put("image", Format::Qcow2, By::Pipe, DISK)
        .unwrap_err();
    assert!(refusal.contains("may take in SPOOL_DIR"), "{refusal}");
}

#[test]
fn a_raw_disk_that_begins_like_one_is_refused_unless_it_is_to_be_detected() {
    let stage = Stage::set();
    stage.raw(RAW);
    stage.run(
        "qemu-img convert -O qcow2 raw inner; cp inner image; truncate -s 10M image; gzip -k image",
    );
    for image in ["image", "image.gz"] {
        for by in [By::File, By::Pipe] {
            let refusal = stage.put(image, Format::Diskdump, by, DISK).unwrap_err();
            let words = "begins like qcow2: give --format qcow2 (img_format=qcow2)";
            assert!(
                refusal.contains(words) && refusal.contains(image),
                "{refusal}"
            );
            let disk = fs::read(stage.path("disk")).unwrap();
            assert!(
                disk.iter().all(|byte| *byte == 0xa5),
                "the disk was touched"
            );
        }
    }
    for by in [By::File, By::Pipe] {
        stage.put("image", Format::Auto, by, DISK).unwrap();
        stage.assert_holds(&stage.path("raw"));
        stage.put("raw", Format::Auto, by, DISK).unwrap();
        stage.assert_holds(&stage.path("raw"));
    }
}

#[test]
fn images_of_other_projects_become_what_qemu_img_makes_of_them() {
    let Some(folder) = std::env::var_os("SNF_TEST_IMAGES") else {
        eprintln!("skipped: SNF_TEST_IMAGES names no folder of sample images");
        return;
    };
    let stage = Stage::set();
    let folder = folder.to_str().unwrap();
    for (name, size) in [
        ("dfvfs/ext2.qcow2.xz", 4 * MIB),
        ("dfvfs/windows_volume.qcow2.xz", 35_913_728),
        ("scalibr/valid-ext-exfat-fat32-ntfs.qcow2.xz", 256 * MIB),
    ] {
        stage.run(&format!(
            "cp {folder}/{name} image; xz -dc image > plain; qemu-img convert -f qcow2 -O raw plain raw"
        ));
        for image in ["image", "plain"] {
            let copied = stage.put(image, Format::Qcow2, By::File, size + 4096);
            assert_eq!(copied.unwrap().length(), size, "{name}");
            stage.assert_holds(&stage.path("raw"));
        }
    }
    for (name, format, words) in [
        ("scalibr/invalid.qcow2", Format::Qcow2, "not a qcow2 image"),
        (
            "qemu-iotests/afl5.img.bz2",
            Format::Qcow2,
            "not a qcow2 image",
        ),
        (
            "qemu-iotests/afl5.img.bz2",
            Format::Auto,
            "Max Table Entries too large",
        ),
    ] {
        stage.run(&format!("cp {folder}/{name} image"));
        let refusal = stage.put("image", format, By::File, DISK).unwrap_err();
        assert!(refusal.contains(words), "{name}: {refusal}");
    }
}

#[test]
fn the_copy_of_no_image_takes_much_memory() {
    let stage = Stage::set();
    // Each thread has the largest clusters there are, packed and unpacked.
    stage.run(
        "head -c 24M /dev/urandom | base64 -w 0 | head -c 24M > raw; \
         qemu-img convert -c -O qcow2 -o compression_type=zstd,cluster_size=2M raw image",
    );
    stage
        .put("image", Format::Qcow2, By::Pipe, 24 * MIB)
        .unwrap();
    // The largest first-level table, whose entries are all in use.
    let first_level = 1 << 20;
    let tables = 64 << 20;
    let image = File::create(stage.path("image")).unwrap();
    let mut header = b"QFI\xfb\0\0\0\x03".to_vec();
    header.resize(112, 0);
    for (at, bytes) in [
        (20, &9_u32.to_be_bytes()[..]),
        (24, &(128_u64 << 30).to_be_bytes()),
        (36, &(4_u32 << 20).to_be_bytes()),
        (40, &u64::to_be_bytes(first_level)),
        (48, &512_u64.to_be_bytes()),
        (56, &1_u32.to_be_bytes()),
        (96, &4_u32.to_be_bytes()),
        (100, &112_u32.to_be_bytes()),
    ] {
        header[at..at + bytes.len()].copy_from_slice(bytes);
    }
    image.write_all_at(&header, 0).unwrap();
    let entries = (0..4_u64 << 20).map(|index| tables + index % 64 * 512);
    let entries: Vec<u8> = entries.flat_map(u64::to_be_bytes).collect();
    image.write_all_at(&entries, first_level).unwrap();
    image.set_len(tables + 64 * 512).unwrap();
    // It is gone through before its disk is found to be too large.
    let refusal = (stage.put("image", Format::Qcow2, By::File, DISK)).unwrap_err();
    assert!(
        refusal.contains("the image has 137438953472 bytes"),
        "{refusal}"
    );

    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    println!("{peak} KiB");
    assert!(peak < 200 << 10, "{peak} KiB");
}
