//! Compressed images.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};

use snf_image::format::Format;

use crate::images::stage::{By, MIB, Stage};

const RAW: u64 = 9 * MIB + 512;
const DISK: u64 = 12 * MIB;

/// Every way in which tools write these forms: name and shell script, from `raw` to `image`.
const WAYS: [(&str, &str); 22] = [
    ("gzip", "gzip -c raw > image"),
    ("gzip with a name", "cp raw x; gzip -9 x; mv x.gz image"),
    ("pigz", "pigz -p 2 -b 128 -c raw > image"),
    ("pigz, independent", "pigz -i -p 2 -c raw > image"),
    ("bgzip, many members", "bgzip -c raw > image"),
    (
        "gzip, two members and a tape's padding",
        "{ head -c 4M raw | gzip; tail -c +4194305 raw | gzip; head -c 5000 /dev/zero; } > image",
    ),
    (
        "bgzip between members of gzip",
        "{ head -c 1M raw | gzip; head -c 4M raw | tail -c +1048577 | bgzip -c; tail -c +4194305 raw | gzip; } > image",
    ),
    ("bzip2", "bzip2 -c raw > image"),
    (
        "bzip2, two streams",
        "{ head -c 4M raw | bzip2; tail -c +4194305 raw | bzip2 -1; } > image",
    ),
    ("xz", "xz -T1 -0 -c raw > image"),
    (
        "xz, many blocks",
        "xz -T2 -0 --block-size=1MiB -c raw > image",
    ),
    (
        "xz, two streams with padding between and behind",
        "{ head -c 4M raw | xz -0; head -c 8 /dev/zero; tail -c +4194305 raw | xz -0 --check=sha256; head -c 4 /dev/zero; } > image",
    ),
    (
        "xz, filter for x86",
        "xz -0 --x86 --lzma2=preset=0 --check=crc32 -c raw > image",
    ),
    ("zstd", "zstd -q -c raw > image"),
    ("zstd, long window", "zstd -q --long=27 -c raw > image"),
    ("pzstd, many frames", "pzstd -q -p 2 -c raw > image"),
    (
        "zstd, two frames",
        "{ head -c 4M raw | zstd -q; tail -c +4194305 raw | zstd -q -3 --no-check; } > image",
    ),
    (
        "zstd, many small frames, of known length and not",
        "split -b 300K raw part.; for part in part.*; do zstd -q -c $part; zstd -q -c < /dev/null; done > image; rm part.*",
    ),
    (
        "zstd, small frames before and behind one with a long window",
        "{ head -c 1M raw | zstd -q; head -c 4M raw | tail -c +1048577 | zstd -q --ultra --long=27; tail -c +4194305 raw | zstd -q; } > image",
    ),
    ("pzstd, small frames", "pzstd -q -1 -p 4 -c < raw > image"),
    ("lz4", "lz4 -q -c raw > image"),
    (
        "lz4, linked blocks, two frames",
        "{ head -c 4M raw | lz4 -q -BD -B4; tail -c +4194305 raw | lz4 -q -9 --content-size; } > image",
    ),
];

#[test]
fn a_compressed_image_becomes_the_disk_that_was_packed() {
    let stage = Stage::set();
    let raw = stage.raw(RAW);
    for (name, script) in WAYS {
        stage.run(script);
        for by in [By::File, By::Pipe] {
            let copied = stage.put("image", Format::Diskdump, by, DISK);
            let copied = copied.unwrap_or_else(|failure| panic!("{name} by {by:?}: {failure}"));
            assert_eq!(copied.length(), RAW, "{name}");
            stage.assert_holds(&raw);
        }
    }
}

#[test]
fn a_frame_too_large_for_one_thread_may_stand_between_small_ones() {
    let stage = Stage::set();
    let raw = stage.raw(80 * MIB + 512);
    stage.run(
        "{ head -c 1M raw | zstd -q; head -c 41M raw | tail -c +1048577 | zstd -q; \
           tail -c +42991617 raw > rest; zstd -q -c rest; head -c 0 raw | zstd -q; } > image",
    );
    stage
        .put("image", Format::Diskdump, By::Pipe, 81 * MIB)
        .unwrap();
    stage.assert_holds(&raw);
}

#[test]
fn a_compressed_dump_of_a_file_system_becomes_a_disk() {
    let stage = Stage::set();
    stage.run("truncate -s 8M dump; mke2fs -q -t ext4 dump; zstd -q dump -o image");
    stage.put("image", Format::Extdump, By::File, DISK).unwrap();
    stage.run(
        "e2fsck -f -n 'disk?offset=1048576'; sfdisk --dump disk | grep -q 'type=83, bootable'",
    );
}

/// One image of each compression, by its name.
const ONE_EACH: [(&str, &str); 5] = [
    ("gzip", "gzip -c raw > image"),
    ("bzip2", "bzip2 -c raw > image"),
    ("xz", "xz -T2 -0 --block-size=1MiB -c raw > image"),
    ("zstd", "zstd -q -c raw > image"),
    ("lz4", "lz4 -q -c raw > image"),
];

#[test]
fn what_was_cut_short_is_no_image_wherever_it_was_cut() {
    let stage = Stage::set();
    stage.raw(RAW);
    for (name, script) in ONE_EACH {
        stage.run(script);
        let whole = fs::read(stage.path("image")).unwrap();
        for left in [20, whole.len() / 2, whole.len() - 5, whole.len() - 1] {
            fs::write(stage.path("image"), &whole[..left]).unwrap();
            for by in [By::File, By::Pipe] {
                let refusal = stage.put("image", Format::Diskdump, by, DISK).unwrap_err();
                let is_named = refusal.contains(name) && !refusal.contains("bug");
                assert!(is_named, "{name} cut at {left}: {refusal}");
            }
        }
    }
}

#[test]
fn nothing_that_was_packed_is_no_image() {
    let stage = Stage::set();
    for (name, script) in ONE_EACH {
        stage.run(&format!("true > raw; {script}"));
        let refusal = stage.put("image", Format::Diskdump, By::File, DISK);
        assert!(
            refusal.unwrap_err().contains("the image is empty"),
            "{name}"
        );
    }
}

#[test]
fn an_lz4_image_cut_between_two_blocks_is_no_image() {
    let stage = Stage::set();
    stage.raw(RAW);
    stage.run("lz4 -q -B4 --no-frame-crc -c raw > image");
    let whole = fs::read(stage.path("image")).unwrap();
    // Behind the frame's header of 7 bytes stands the first block's size.
    let size = u32::from_le_bytes(whole[7..11].try_into().unwrap()) & 0x7fff_ffff;
    let end = 11 + usize::try_from(size).unwrap();
    fs::write(stage.path("image"), &whole[..end]).unwrap();
    let refusal = stage.put("image", Format::Diskdump, By::File, DISK);
    assert!(refusal.unwrap_err().contains("truncated"));
}

#[test]
fn what_was_damaged_is_no_image() {
    let stage = Stage::set();
    stage.raw(RAW);
    for (name, script) in ONE_EACH {
        stage.run(script);
        let mut bytes = fs::read(stage.path("image")).unwrap();
        let middle = bytes.len() / 2;
        for byte in &mut bytes[middle..middle + 8] {
            *byte = !*byte;
        }
        fs::write(stage.path("image"), bytes).unwrap();
        let refusal = stage.put("image", Format::Diskdump, By::File, DISK);
        let refusal = refusal.unwrap_err();
        assert!(refusal.contains(name), "{name}: {refusal}");
    }
}

#[test]
fn what_follows_behind_the_end_is_not_passed_over() {
    let stage = Stage::set();
    stage.raw(RAW);
    for (name, script) in ONE_EACH {
        stage.run(&format!("{script}; echo something else >> image"));
        let refusal = stage.put("image", Format::Diskdump, By::File, DISK);
        let refusal = refusal.unwrap_err();
        assert!(refusal.contains(name), "{name}: {refusal}");
    }
}

#[test]
fn a_bomb_ends_where_the_disk_ends() {
    let stage = Stage::set();
    // 3 TiB of zeroes in 3 MiB, as one frame repeated.
    stage.run(
        "head -c 1G /dev/zero | zstd -q -19 --long=27 > part; \
         for i in $(seq 3000); do cat part; done > image",
    );
    for by in [By::File, By::Pipe] {
        let refusal = stage.put("image", Format::Diskdump, by, DISK).unwrap_err();
        assert!(
            refusal.contains("more than the 12582912 bytes of target"),
            "{refusal}"
        );
    }
}

#[test]
fn a_decoder_gets_no_more_memory_than_images_need() {
    let stage = Stage::set();
    stage.raw(RAW);
    for (name, script) in [
        ("zstd", "zstd -q --ultra --long=31 -c < raw > image"),
        ("xz", "xz -0 --lzma2=dict=1GiB -c < raw > image"),
    ] {
        stage.run(script);
        let refusal = stage.put("image", Format::Diskdump, By::File, DISK);
        let refusal = refusal.unwrap_err();
        assert!(refusal.contains(name), "{name}: {refusal}");
    }
}

#[test]
fn only_a_raw_image_tells_its_length_before_it_is_unpacked() {
    let stage = Stage::set();
    stage.raw(RAW);
    stage.run("gzip -c raw > image; truncate -s 8M dump; mke2fs -q -t ext4 dump");
    assert_eq!(stage.measure("raw", Format::Diskdump), Some(RAW));
    assert_eq!(stage.measure("image", Format::Diskdump), None);
    assert_eq!(stage.measure("dump", Format::Extdump), Some(9 * MIB));
}

#[test]
fn a_raw_image_that_only_begins_like_a_compressed_one_is_copied_as_it_is() {
    let stage = Stage::set();
    let raw = stage.path("raw");
    let mut bytes = b"BZh9 is how a boot sector may begin".to_vec();
    bytes.resize(512, 0);
    fs::write(&raw, &bytes).unwrap();
    File::options()
        .write(true)
        .open(&raw)
        .unwrap()
        .set_len(RAW)
        .unwrap();
    stage.put("raw", Format::Diskdump, By::File, DISK).unwrap();
    stage.assert_holds(&raw);
}
