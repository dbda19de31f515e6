//! Images of every kind with random content: what qemu-img(1) reads is what is read here.
//!
//! SNF_QCOW2_IMAGES says how many images to make, 150 unless told otherwise; each is written to in
//! some ten ways and compared whole and at forty places. SNF_QCOW2_SEED says where to begin.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::Write;
use std::path::Path;
use std::thread;

use snf_image_qcow2::Image;
use tempfile::TempDir;

use crate::chance::Chance;
use crate::support::{OnDisk, ROOM, as_qemu_sees_it, read_all, run, try_run};

/// Reads of each image, beside the one of all of it.
const READS: u64 = 40;

/// Threads that make images, and threads that read one.
const THREADS: u64 = 2;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn random_images_read_as_qemu_img_reads_them() {
    let images = number("SNF_QCOW2_IMAGES", 150);
    let first = number("SNF_QCOW2_SEED", 1);
    let kinds = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    let seeds = (first + thread..first + images).step_by(2);
                    seeds.map(one_image).collect::<Vec<_>>()
                })
            })
            .collect();
        let kinds = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        kinds.collect::<Vec<_>>()
    });
    let lost = kinds.iter().filter(|told| told.ends_with(LOST)).count();
    println!(
        "{images} images, {} reads, {lost} images lost by QEMU",
        (images - lost as u64) * (READS + 1)
    );
    assert!(lost as u64 * 100 <= images, "{lost} images were lost");
    // Nothing of what there is may be left out by chance.
    for kind in [
        "compat=0.10",
        "compat=1.1",
        "zstd",
        "zlib",
        "extended_l2=on",
        "write -c",
        "write -z",
        "discard",
        "snapshot",
        "cluster_size=512,",
        "cluster_size=2M",
        "convert -c",
    ] {
        assert!(
            kinds.iter().any(|told| told.contains(kind)),
            "no {kind} was made"
        );
    }
}

/// How QEMU ends what it has written wrongly itself.
const SPOILT: &str = "Marking image as corrupt";

/// How the story of an image ends that QEMU has spoilt, or cannot read itself.
const LOST: &str = "; lost";

/// Makes an image, and compares. Says how it was made.
fn one_image(seed: u64) -> String {
    let folder = TempDir::new().unwrap();
    let mut chance = Chance::new(seed);
    let options = options(&mut chance);
    let size = match chance.below(4) {
        0 => 512 + chance.below(64) * 512,
        1 => (1 + chance.below(64)) << 16,
        _ => chance.below(12 << 11) * 512 + 512,
    };
    let mut told = format!("seed {seed}: {options} {size}");
    std::fs::write(folder.path().join("noise"), chance.bytes(70_001)).unwrap();
    let mut disk = Disk::new(size, cluster_size(&options));
    if chance.once_in(3) {
        convert(folder.path(), &options, size, &mut chance, &mut told);
        disk.taken.fill(true);
    } else {
        let arguments = ["create", "-q", "-f", "qcow2", "-o", &options, "image"];
        run(
            "qemu-img",
            folder.path(),
            &[&arguments[..], &[&size.to_string()]].concat(),
        );
    }
    if options.contains("preallocation") {
        disk.taken.fill(true);
    }
    let mut is_whole = write(folder.path(), &mut disk, &mut chance, &mut told);
    if is_whole && chance.once_in(3) {
        told.push_str("; snapshot");
        run(
            "qemu-img",
            folder.path(),
            &["snapshot", "-c", "before", "image"],
        );
        is_whole = write(folder.path(), &mut disk, &mut chance, &mut told);
    }
    if !is_whole || !compare(folder.path(), &mut chance, &told) {
        told.push_str(LOST);
    }
    told
}

fn options(chance: &mut Chance) -> String {
    if chance.once_in(4) {
        let cluster = chance.one_of(&["512", "1k", "4k", "64k", "256k", "2M"]);
        return format!("compat=0.10,cluster_size={cluster},x").replace(",x", "");
    }
    let mut options = "compat=1.1".to_owned();
    let extended = chance.once_in(3);
    let cluster = if extended {
        chance.one_of(&["16k", "64k", "128k", "2M"])
    } else {
        chance.one_of(&["512", "2k", "4k", "32k", "64k", "1M", "2M"])
    };
    let compression = chance.one_of(&["zlib", "zstd"]);
    write!(
        options,
        ",cluster_size={cluster},compression_type={compression}"
    )
    .unwrap();
    for (option, once_in) in [
        ("extended_l2=on", if extended { 1 } else { 0 }),
        ("lazy_refcounts=on", 3),
        ("preallocation=metadata", 5),
    ] {
        if once_in != 0 && chance.once_in(once_in) {
            write!(options, ",{option}").unwrap();
        }
    }
    if !options.contains("lazy") {
        let bits = chance.one_of(&["1", "16", "64"]);
        // One bit cannot count a snapshot's share.
        let bits = if bits == "1" { "8" } else { bits };
        write!(options, ",refcount_bits={bits}").unwrap();
    }
    options
}

fn cluster_size(options: &str) -> u64 {
    let (_, rest) = options.split_once("cluster_size=").unwrap();
    let text = rest.split(',').next().unwrap();
    let number = text.trim_end_matches(['k', 'M']).parse::<u64>().unwrap();
    match text.chars().last() {
        Some('k') => number << 10,
        Some('M') => number << 20,
        _ => number,
    }
}

/// An image of a raw disk, often compressed.
fn convert(folder: &Path, options: &str, size: u64, chance: &mut Chance, told: &mut String) {
    let mut raw = vec![0; usize::try_from(size).unwrap()];
    for _ in 0..6 {
        let start = usize::try_from(chance.below(size)).unwrap();
        let length = usize::try_from(chance.below(300_000)).unwrap();
        let piece = if chance.once_in(2) {
            chance.bytes(length)
        } else {
            let word = format!("text {} ", chance.below(1000));
            word.bytes().cycle().take(length).collect()
        };
        let end = raw.len().min(start + length);
        raw[start..end].copy_from_slice(&piece[..end - start]);
    }
    std::fs::write(folder.join("source"), raw).unwrap();
    let is_prepared = options.contains("preallocation");
    let how: &[&str] = if chance.once_in(4) || is_prepared {
        &[]
    } else {
        &["-c"]
    };
    write!(told, "; convert {}", how.join(" ")).unwrap();
    let start = [
        &["convert", "-t", "unsafe", "-f", "raw", "-O", "qcow2"],
        how,
    ]
    .concat();
    let end = ["-o", options, "source", "image"];
    run("qemu-img", folder, &[&start[..], &end].concat());
}

/// What was done to a disk so far.
struct Disk {
    size: u64,
    cluster: u64,
    /// Clusters that something was written to: nothing compressed can be written there.
    taken: Vec<bool>,
}

impl Disk {
    fn new(size: u64, cluster: u64) -> Self {
        let clusters = usize::try_from(size.div_ceil(cluster)).unwrap();
        Disk {
            size,
            cluster,
            taken: vec![false; clusters],
        }
    }

    /// Takes the clusters of a range, and says whether nobody had before.
    fn take(&mut self, start: u64, length: u64) -> bool {
        let first = usize::try_from(start / self.cluster).unwrap();
        let end = usize::try_from((start + length).div_ceil(self.cluster)).unwrap();
        let taken = &mut self.taken[first..end];
        let was_free = taken.iter().all(|taken| !taken);
        taken.fill(true);
        was_free
    }
}

/// Some writes of different kinds, by one qemu-io(1). Whether the image has survived them.
fn write(folder: &Path, disk: &mut Disk, chance: &mut Chance, told: &mut String) -> bool {
    let mut commands = Vec::new();
    for _ in 0..3 + chance.below(10) {
        let start = chance.below(disk.size / 512) * 512;
        let most = (disk.size - start).min(4 * disk.cluster.max(16 << 10));
        let length = (1 + chance.below(most / 512)) * 512;
        let pattern = chance.below(256);
        let what = chance.below(8);
        let aligned = start - start % disk.cluster;
        let clusters = (1 + chance.below(3)) * disk.cluster;
        let fits = aligned + clusters <= disk.size;
        if what < 2 && fits && disk.take(aligned, clusters) {
            let with = if what == 0 {
                format!("-P {pattern}")
            } else {
                "-s noise".to_owned()
            };
            commands.push(format!("write -c {with} {aligned} {clusters}"));
            continue;
        }
        disk.take(start, length);
        commands.push(match what {
            2 => format!("write -z {start} {length}"),
            3 => format!("write -z -u {start} {length}"),
            4 => format!("discard {start} {length}"),
            5 | 6 => format!("write -s noise {start} {length}"),
            _ => format!("write -P {pattern} {start} {length}"),
        });
    }
    let mut arguments = vec!["-t", "unsafe", "-d", "unmap", "-f", "qcow2"];
    for command in &commands {
        write!(told, "; {command}").unwrap();
        arguments.extend(["-c", command]);
    }
    arguments.push("image");
    match try_run("qemu-io", folder, &arguments) {
        Ok(_) => true,
        Err(said) => {
            assert!(said.contains(SPOILT), "{said}");
            false
        }
    }
}

/// Compares what is read with what QEMU reads. Whether QEMU can read what it has written; where it
/// cannot, nothing else does.
fn compare(folder: &Path, chance: &mut Chance, told: &str) -> bool {
    let expected = as_qemu_sees_it(folder, "image");
    let image = Image::open(OnDisk::open(&folder.join("image")), ROOM);
    let image = image.unwrap_or_else(|error| panic!("{told}: {error}"));
    let Ok(expected) = expected else {
        assert!(
            read_all(&image, 0).is_err(),
            "{told}: QEMU does not read it"
        );
        return false;
    };
    assert_eq!(image.size(), expected.len() as u64, "{told}");
    let gap = chance.one_of(&["0", "4096", "524288"]).parse().unwrap();
    let disk = read_all(&image, gap).unwrap_or_else(|error| panic!("{told}: {error}"));
    assert!(disk == expected, "{told}: the disk is another one");
    let places: Vec<_> = (0..READS)
        .map(|_| {
            let start = chance.below(image.size());
            let length = 1 + chance.below((image.size() - start).min(1 << 18));
            (start, length)
        })
        .collect();
    thread::scope(|scope| {
        for places in places.chunks(places.len().div_ceil(2)) {
            let (image, expected) = (&image, &expected);
            scope.spawn(move || {
                for (start, length) in places {
                    let mut piece = vec![0x55; usize::try_from(*length).unwrap()];
                    image.read_at(&mut piece, *start).unwrap();
                    let from = usize::try_from(*start).unwrap();
                    let right = piece == expected[from..from + piece.len()];
                    assert!(right, "{told}: {length} bytes at {start}");
                }
            });
        }
    });
    true
}
