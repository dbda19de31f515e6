//! Copies that fail or are cancelled, and what a copy takes while it runs.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use snf_image::copy::{CopyError, copy};
use snf_image::format::{Content, ImageError};
use snf_image::source::Source;
use snf_image::target::Target;

use crate::copy::support::{
    Loop, MIB, Mounted, STALE, assert_same, deploy, folder, image, pattern, refusal, run,
    stale_file,
};

#[test]
fn opening_alone_changes_nothing_that_lasts() {
    let folder = folder();
    let disk = stale_file(folder.path(), 2 * MIB);
    drop(Target::open(&disk, Some(4 * MIB), Some(MIB)).unwrap());
    assert!(fs::read(&disk).unwrap() == vec![STALE; 2 << 20]);
    let new = folder.path().join("new");
    let target = Target::open(&new, Some(4 * MIB), Some(MIB)).unwrap();
    assert!(new.exists());
    drop(target);
    assert!(!new.exists());
}

#[test]
fn wiped_ends_read_as_zeroes_and_the_rest_is_left() {
    let folder = folder();
    for length in [512, MIB + 512, 2 * MIB, 4 * MIB] {
        let disk = stale_file(folder.path(), length);
        let target = Target::open(&disk, None, None).unwrap();
        target.wipe_ends().unwrap();
        let stale = fs::read(&disk).unwrap().into_iter().enumerate();
        let mut stale = stale
            .filter(|(_, byte)| *byte != 0)
            .map(|(at, _)| at as u64);
        let (first, count) = (stale.next(), stale.count() as u64);
        assert_eq!(first, (length > 2 * MIB).then_some(MIB));
        assert_eq!(count, (length.saturating_sub(2 * MIB)).saturating_sub(1));
    }
}

#[test]
fn a_source_cut_short_meanwhile_is_an_error() {
    let folder = folder();
    let path = folder.path().join("image.raw");
    fs::write(&path, pattern(64 << 20, 1)).unwrap();
    let source = Source::open(&path).unwrap();
    let disk = folder.path().join("disk");
    let target = Target::open(&disk, None, Some(source.length())).unwrap();
    let cut = |position| {
        if position >= MIB {
            File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_len(32 * MIB)
                .unwrap();
        }
    };
    let error = copy(Content::Image(Box::new(source)), target.disk(), &cut).unwrap_err();
    assert!(
        matches!(error, CopyError::Image(ImageError::Source(_))),
        "{error}"
    );
    drop(target);
    assert!(!disk.exists());
}

#[test]
fn a_source_written_to_meanwhile_is_an_error() {
    let folder = folder();
    let image = image(folder.path(), 16 * MIB);
    let source = Source::open(&image).unwrap();
    let target = Target::open(&folder.path().join("disk"), None, Some(source.length())).unwrap();
    let append = |_| {
        File::options()
            .append(true)
            .open(&image)
            .unwrap()
            .write_all(b"more")
            .unwrap();
    };
    let error = copy(Content::Image(Box::new(source)), target.disk(), &append).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("was changed while it was copied"),
        "{error}"
    );
}

#[test]
fn a_full_file_system_is_named_with_its_error() {
    let Some(memory) = Mounted::in_memory("tmpfs", "size=4m") else {
        return;
    };
    let folder = folder();
    let image = folder.path().join("image.raw");
    fs::write(&image, pattern(16 << 20, 1)).unwrap();
    let disk = memory.path().join("disk");
    let message = refusal(deploy(&image, &disk, None));
    assert!(
        message.contains("No space left on device (os error 28)"),
        "{message}"
    );
    assert!(
        message.contains(disk.to_str().unwrap()) && message.contains("at byte"),
        "{message}"
    );
    assert!(!disk.exists());
}

#[test]
fn a_full_file_system_on_a_device_is_named_with_its_error() {
    let Some(storage) = Loop::new(32 * MIB, 512) else {
        return;
    };
    let device = storage.device.to_str().unwrap();
    run("mke2fs", &["-q", "-F", "-t", "ext4", device]);
    let Some(mounted) = Mounted::new(&[device]) else {
        return;
    };
    let folder = folder();
    let image = folder.path().join("image.raw");
    fs::write(&image, pattern(48 << 20, 1)).unwrap();
    let disk = mounted.path().join("disk");
    let message = refusal(deploy(&image, &disk, None));
    assert!(message.contains("No space left on device"), "{message}");
    assert!(message.contains(disk.to_str().unwrap()), "{message}");
    assert!(!disk.exists());
}

#[test]
fn memory_stays_bounded_whatever_the_images_size() {
    let folder = folder();
    let image = folder.path().join("image.raw");
    let file = File::create(&image).unwrap();
    file.set_len(2048 * MIB).unwrap();
    let data = pattern(8 << 20, 3);
    for at in (0..2048 * MIB).step_by(128 << 20) {
        file.write_all_at(&data, at).unwrap();
    }
    drop((file, data));
    // In a process of its own, whose peak is the copy's.
    let own = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "copy::ending::child_copies_and_tells_its_peak",
            "--ignored",
            "--nocapture",
        ])
        .env("COPY_IMAGE", &image)
        .env("COPY_DISK", folder.path().join("disk"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = own.wait_with_output().unwrap();
    let peak = BufReader::new(&*output.stdout)
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("VmHWM:").map(|(_, peak)| peak.to_owned()))
        .unwrap();
    let kib: u64 = peak.trim().trim_end_matches("kB").trim().parse().unwrap();
    assert!(kib < 40 << 10, "{kib} KiB");
    // Unlike cmp(1), this knows holes and takes no time for them.
    assert_same(&image, &folder.path().join("disk"));
}

#[test]
#[ignore = "started by memory_stays_bounded_whatever_the_images_size"]
fn child_copies_and_tells_its_peak() {
    let path = |name| PathBuf::from(std::env::var_os(name).unwrap());
    deploy(&path("COPY_IMAGE"), &path("COPY_DISK"), None).unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    println!(
        "{}",
        status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap()
    );
}
