//! Small files that unpack to far more than any disk, and those that want far more memory than there is.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use snf_image::format::Format;
use snf_image_testkit::process::{command_line, descendants, peak_memory};

use crate::images::stage::{By, MIB, Stage};

/// The disk.
const DISK: u64 = 16 * MIB;

/// How long any of these may take.
const BOUND: Duration = Duration::from_secs(30);

/// The most memory that the copy's process may ever have, in KiB.
const MEMORY: u64 = 512 << 10;

/// Each 10 MiB or so: what packs 64 MiB of zeroes, and how often that is doubled. They hold 8 TiB, 8 GiB,
/// 64 GiB and 2 GiB: what the form allows.
const BOMBS: [(&str, &str, u32); 4] = [
    ("bzip2", "bzip2", 17),
    ("gzip", "gzip", 7),
    ("xz", "xz -0", 10),
    ("lz4", "lz4 -q", 5),
];

/// The most memory in KiB that any copy of this test had so far.
fn peak() -> u64 {
    let ours = descendants(std::process::id()).into_iter();
    let copies = ours.filter(|pid| {
        let line = command_line(*pid);
        line.first().is_some_and(|first| first == "snf-image-copy")
    });
    let peaks = copies.filter_map(|pid| peak_memory(pid).ok());
    peaks.max().unwrap_or_default()
}

/// Why an image is refused, with a watch over time and memory.
fn refusal(stage: &Stage, by: By) -> String {
    let begin = Instant::now();
    let refusal = thread::scope(|scope| {
        let copying = scope.spawn(|| stage.put("image", Format::Diskdump, by, DISK).unwrap_err());
        while !copying.is_finished() {
            assert!(peak() < MEMORY, "{} KiB", peak());
            thread::sleep(Duration::from_millis(50));
        }
        copying.join().unwrap()
    });
    assert!(begin.elapsed() < BOUND, "{:?}", begin.elapsed());
    refusal
}

#[test]
fn a_bomb_ends_where_the_disk_ends() {
    for (name, pack, doublings) in BOMBS {
        let stage = Stage::set();
        stage.run(&format!(
            "head -c 64M /dev/zero | {pack} > image; \
             for i in $(seq {doublings}); do cat image image > more; mv more image; done"
        ));
        let size = fs::metadata(stage.path("image")).unwrap().len();
        assert!(size < 13 * MIB, "{name}: {size}");
        for by in [By::File, By::Pipe] {
            let refusal = refusal(&stage, by);
            let words = format!("more than the {DISK} bytes of target");
            assert!(refusal.contains(&words), "{name}: {refusal}");
        }
        // Nothing is unpacked beside the disk.
        let files: Vec<_> = fs::read_dir(stage.path(""))
            .unwrap()
            .map_while(Result::ok)
            .collect();
        assert!(files.len() <= 2, "{files:?}");
    }
}

/// Writes over the size of the dictionary in the first block of an xz file that has been made with
/// a small one: what asks for so much memory needs not have been made with it.
const DICTIONARY: &str = r#"
import struct, zlib
data = bytearray(open("image", "rb").read())
assert data[:6] == b"\xfd7zXZ\0"
size = (data[12] + 1) * 4
header = data[12:12 + size - 4]
at = header.index(b"\x21\x01") + 2
header[at] = 39
data[12:12 + size - 4] = header
data[12 + size - 4:12 + size] = struct.pack("<I", zlib.crc32(header))
open("image", "wb").write(data)
"#;

#[test]
fn a_decoder_gets_no_more_memory_than_images_need() {
    let stage = Stage::set();
    stage.raw(MIB);
    for (name, script) in [
        // A window of 2 GiB, a dictionary of 3 GiB.
        ("zstd", "zstd -q --ultra --long=31 -c < raw > image"),
        ("xz", "xz -0 -c raw > image; python3 patch"),
    ] {
        fs::write(stage.path("patch"), DICTIONARY).unwrap();
        stage.run(script);
        for by in [By::File, By::Pipe] {
            let refusal = refusal(&stage, by);
            assert!(refusal.contains(name), "{name}: {refusal}");
            assert!(!refusal.contains("bug"), "{refusal}");
        }
    }
}
