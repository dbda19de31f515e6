//! How long our copy of an image takes beside qemu-img(1) and cp(1), data flushed each time.
// SPDX-License-Identifier: BSD-2-Clause
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark may stop at the first surprise, and its macros document nothing"
)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use snf_image::copy::copy;
use snf_image::format::Content;
use snf_image::source::Source;
use snf_image::target::Target;

/// The image: 1 GiB, of which a quarter is data in pieces of 8 MiB.
const IMAGE: u64 = 1 << 30;
const PIECE: u64 = 8 << 20;
/// The disk: larger, as disks are.
const DISK: u64 = 3 << 30;

fn make_image(path: &Path) {
    let mut file = File::create(path).unwrap();
    let mut data = vec![0; usize::try_from(PIECE).unwrap()];
    File::open("/dev/urandom")
        .unwrap()
        .read_exact(&mut data)
        .unwrap();
    file.set_len(IMAGE).unwrap();
    for at in (0..IMAGE).step_by(usize::try_from(4 * PIECE).unwrap()) {
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(at)).unwrap();
        file.write_all(&data).unwrap();
    }
    file.sync_all().unwrap();
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success());
}

/// One way to copy the first file onto the second.
type Job = fn(&Path, &Path);

/// The time of `job` alone, each time onto a disk that does not exist yet.
fn timed(times: u64, disk: &Path, job: impl Fn()) -> Duration {
    let one = |_| {
        let _ = fs::remove_file(disk);
        rustix::fs::sync();
        let begun = Instant::now();
        job();
        begun.elapsed()
    };
    (0..times).map(one).sum()
}

fn ours(image: &Path, disk: &Path) {
    let source = Source::open(image).unwrap();
    let target = Target::open(disk, Some(DISK), Some(source.length())).unwrap();
    copy(Content::Image(Box::new(source)), target.disk(), &|_| {}).unwrap();
    target.keep();
}

fn qemu_img(image: &Path, disk: &Path) {
    let file = File::create(disk).unwrap();
    file.set_len(DISK).unwrap();
    run(Command::new("qemu-img")
        .args(["convert", "-n", "-W", "-f", "raw", "-O", "raw"])
        .args([image, disk]));
    file.sync_all().unwrap();
}

fn cp(image: &Path, disk: &Path) {
    run(Command::new("cp")
        .arg("--sparse=always")
        .args([image, disk]));
    let file = File::options().write(true).open(disk).unwrap();
    file.set_len(DISK).unwrap();
    file.sync_all().unwrap();
}

fn onto_a_new_file(criterion: &mut Criterion) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (image, disk) = (folder.path().join("image"), folder.path().join("disk"));
    make_image(&image);
    let mut group = criterion.benchmark_group("1 GiB image, 256 MiB data, new file");
    group.sample_size(10);
    let jobs: [(&str, Job); 3] = [
        ("snf-image", ours),
        ("qemu-img convert -n -W", qemu_img),
        ("cp --sparse=always", cp),
    ];
    for (name, job) in jobs {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| timed(times, &disk, || job(&image, &disk)));
        });
    }
    group.finish();
}

criterion_group!(benches, onto_a_new_file);
criterion_main!(benches);
