//! Targets that are refused, and left as they were.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::time::{Duration, Instant};

use snf_image::copy::CopyError;
use snf_image::target::{Target, TargetError};

use crate::copy::support::{
    Loop, MIB, Mounted, STALE, deploy, folder, image, refusal, run, stale_file,
};

#[test]
fn one_sector_too_much_is_refused_before_the_first_byte() {
    let folder = folder();
    let image = image(folder.path(), 16 * MIB + 1);
    let disk = stale_file(folder.path(), 16 * MIB);
    let message = refusal(deploy(&image, &disk, None));
    assert!(
        message.contains("16777217 bytes") && message.contains("only 16777216"),
        "{message}"
    );
    assert!(fs::read(&disk).unwrap().iter().all(|byte| *byte == STALE));
    if let Some(disk) = Loop::new(16 * MIB, 512) {
        assert!(matches!(
            deploy(&image, &disk.device, None),
            Err(CopyError::Target(TargetError::TooSmall { .. }))
        ));
        assert!(
            fs::read(&disk.backing)
                .unwrap()
                .iter()
                .all(|byte| *byte == STALE)
        );
    }
    let new = folder.path().join("new");
    refusal(deploy(&image, &new, Some(MIB)));
    assert!(!new.exists());
}

#[test]
fn impossible_sizes_are_refused_and_leave_the_file_as_it_was() {
    let folder = folder();
    let image = image(folder.path(), MIB);
    let disk = stale_file(folder.path(), 2 * MIB);
    assert!(refusal(deploy(&image, &disk, Some(MIB))).contains("never made smaller"));
    assert!(refusal(deploy(&image, &disk, Some(3 * MIB + 1))).contains("multiple of 512"));
    assert_eq!(fs::metadata(&disk).unwrap().len(), 2 * MIB);
    assert!(
        refusal(deploy(
            &image,
            &folder.path().join("new"),
            Some(u64::MAX - 511)
        ))
        .contains("cannot")
    );
    assert!(!folder.path().join("new").exists());
    assert!(refusal(deploy(&image, folder.path(), None)).contains("is a directory"));
    if let Some(disk) = Loop::new(4 * MIB, 512) {
        assert!(
            refusal(deploy(&image, &disk.device, Some(8 * MIB)))
                .contains("block device of 4194304")
        );
    }
}

#[test]
fn a_second_deployment_onto_the_same_target_is_refused_at_once() {
    let folder = folder();
    let image = image(folder.path(), MIB);
    let disk = folder.path().join("disk");
    let first = Target::open(&disk, None, Some(MIB)).unwrap();
    let begun = Instant::now();
    assert!(refusal(deploy(&image, &disk, None)).contains("is locked"));
    assert!(begun.elapsed() < Duration::from_secs(1));
    drop(first);
    deploy(&image, &disk, None).unwrap();
    if let Some(disk) = Loop::new(4 * MIB, 512) {
        let _first = Target::open(&disk.device, None, Some(MIB)).unwrap();
        assert!(refusal(deploy(&image, &disk.device, None)).contains("is in use"));
    }
}

#[test]
fn a_mounted_device_is_refused() {
    let Some(disk) = Loop::new(32 * MIB, 512) else {
        return;
    };
    let device = disk.device.to_str().unwrap();
    run("mke2fs", &["-q", "-F", device]);
    let _mounted = Mounted::new(&[device]).unwrap();
    let folder = folder();
    let result = deploy(&image(folder.path(), MIB), &disk.device, None);
    assert!(refusal(result).contains("is in use"));
}

#[test]
fn a_device_that_is_read_only_is_named_with_the_way_out() {
    let Some(disk) = Loop::new(4 * MIB, 512) else {
        return;
    };
    let device = disk.device.to_str().unwrap();
    run("blockdev", &["--setro", device]);
    let folder = folder();
    let message = refusal(deploy(&image(folder.path(), MIB), &disk.device, None));
    run("blockdev", &["--setrw", device]);
    let words = format!("target {device} is read-only (blockdev --setrw {device})");
    assert_eq!(message, words);
}

#[test]
fn a_directory_that_is_missing_is_named() {
    let folder = folder();
    let none = folder.path().join("none");
    let message = refusal(deploy(&image(folder.path(), MIB), &none.join("disk"), None));
    let words = format!("there is no directory {}", none.display());
    assert!(message.ends_with(&words), "{message}");
}
