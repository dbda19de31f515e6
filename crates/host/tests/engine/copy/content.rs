//! What is on the target afterwards: the image, and nothing of what was there before.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};

use rustix::fs::OFlags;
use snf_image::copy::Rest;
use snf_image::target::{Handle, Target};

use crate::copy::support::{
    Loop, MIB, Mounted, STALE, assert_holds, assert_same, deploy, folder, image, run, stale_file,
};

#[test]
fn a_new_file_gets_the_data_and_not_the_holes() {
    let folder = folder();
    let image = image(folder.path(), 64 * MIB);
    let disk = folder.path().join("disk");
    let copied = deploy(&image, &disk, Some(256 * MIB)).unwrap();
    assert_holds(&disk, &image);
    let made = fs::metadata(&disk).unwrap();
    assert_eq!(
        (made.len(), made.permissions().mode() & 0o7777),
        (256 * MIB, 0o600)
    );
    assert!(copied.data_bytes < 32 * MIB, "{copied:?}");
    assert!(
        made.blocks() * 512 <= copied.data_bytes + MIB,
        "{} blocks, {copied:?}",
        made.blocks()
    );
    assert_same(&image, &disk);
}

#[test]
fn without_a_size_a_new_file_is_the_image_in_whole_blocks() {
    for length in [1, 512, 513, 4097, MIB + 1] {
        let folder = folder();
        let image = image(folder.path(), length);
        let disk = folder.path().join("disk");
        deploy(&image, &disk, None).unwrap();
        assert_eq!(
            fs::metadata(&disk).unwrap().len(),
            length.next_multiple_of(4096)
        );
        assert_holds(&disk, &image);
    }
}

/// QEMU gives nobody a disk to write that does not end with a block of direct I/O.
#[test]
fn a_file_that_ends_within_a_block_goes_through_the_page_cache() {
    let folder = folder();
    let disk = stale_file(folder.path(), 2 * MIB + 512);
    let target = Target::open(&disk, None, Some(MIB)).unwrap();
    let Handle::File(handed) = target.handle().unwrap() else {
        panic!("a file is handed on as a file");
    };
    let flags = rustix::fs::fcntl_getfl(handed).unwrap();
    assert!(!target.is_direct() && !flags.contains(OFlags::DIRECT));
    drop(target);
    let grown = Target::open(&disk, Some(2 * MIB + 4096), Some(MIB)).unwrap();
    assert!(grown.is_direct());
}

#[test]
fn nothing_of_a_files_earlier_content_is_left() {
    for length in [1, 513, 4096, 20 * MIB + 100, 31 * MIB + 513, 32 * MIB] {
        let folder = folder();
        let image = image(folder.path(), length);
        let disk = stale_file(folder.path(), 32 * MIB);
        let copied = deploy(&image, &disk, None).unwrap();
        assert_ne!(copied.rest, Rest::EndsZeroed);
        assert_eq!(fs::metadata(&disk).unwrap().len(), 32 * MIB);
        assert_holds(&disk, &image);
    }
}

#[test]
fn a_file_that_was_partly_written_grows_and_is_clean() {
    let folder = folder();
    let image = image(folder.path(), 20 * MIB);
    let disk = stale_file(folder.path(), 3 * MIB);
    File::options()
        .write(true)
        .open(&disk)
        .unwrap()
        .set_len(24 * MIB)
        .unwrap();
    deploy(&image, &disk, Some(40 * MIB)).unwrap();
    assert_eq!(fs::metadata(&disk).unwrap().len(), 40 * MIB);
    assert_holds(&disk, &image);
}

#[test]
fn a_file_system_in_memory_is_served_too() {
    let Some(memory) = Mounted::in_memory("tmpfs", "size=200m") else {
        return;
    };
    let folder = folder();
    let image = image(folder.path(), 21 * MIB + 7);
    let disk = stale_file(memory.path(), 32 * MIB);
    deploy(&image, &disk, None).unwrap();
    assert_holds(&disk, &image);
}

#[test]
fn nothing_of_a_block_devices_earlier_content_is_left() {
    for sector in [512, 4096] {
        for length in [1, 513, 20 * MIB + 100, 32 * MIB - 4096, 32 * MIB] {
            let Some(disk) = Loop::new(32 * MIB, sector) else {
                return;
            };
            let folder = folder();
            let image = image(folder.path(), length);
            let copied = deploy(&image, &disk.device, None).unwrap();
            assert_ne!(copied.rest, Rest::EndsZeroed);
            // Through the device, which is what a machine will see, and behind its back.
            assert_holds(&disk.device, &image);
            assert_holds(&disk.backing, &image);
        }
    }
}

#[test]
fn what_the_kernel_had_cached_of_a_device_is_what_was_written() {
    let Some(disk) = Loop::new(16 * MIB, 512) else {
        return;
    };
    let folder = folder();
    let image = image(folder.path(), 16 * MIB);
    let reader = File::open(&disk.device).unwrap();
    let mut before = vec![0; 16 << 20];
    reader.read_exact_at(&mut before, 0).unwrap();
    deploy(&image, &disk.device, None).unwrap();
    let mut after = vec![0; 16 << 20];
    reader.read_exact_at(&mut after, 0).unwrap();
    assert!(after == fs::read(&image).unwrap());
}

#[test]
fn a_file_on_storage_with_large_sectors_may_end_within_one() {
    let Some(storage) = Loop::new(64 * MIB, 4096) else {
        return;
    };
    let device = storage.device.to_str().unwrap();
    run("mke2fs", &["-q", "-F", "-t", "ext4", device]);
    let mounted = Mounted::new(&[device]).unwrap();
    let folder = folder();
    let image = image(folder.path(), 8 * MIB + 513);
    let disk = mounted.path().join("disk");
    deploy(&image, &disk, Some(8 * MIB + 1024)).unwrap();
    assert_eq!(fs::metadata(&disk).unwrap().len(), 8 * MIB + 1024);
    assert_holds(&disk, &image);
}

#[test]
fn a_device_that_cannot_be_zeroed_cheaply_is_zeroed_where_it_matters() {
    // A file of ramfs knows no holes, so the loop device over it knows no zeroing.
    let Some(memory) = Mounted::in_memory("ramfs", "mode=700") else {
        return;
    };
    let Some(disk) = Loop::within(memory.path(), 32 * MIB, 512) else {
        return;
    };
    let folder = folder();
    let image = image(folder.path(), 20 * MIB);
    let copied = deploy(&image, &disk.device, None).unwrap();
    assert_eq!(
        (copied.rest, copied.kept_bytes),
        (Rest::EndsZeroed, 10 * MIB)
    );
    let (held, image) = (fs::read(&disk.device).unwrap(), fs::read(&image).unwrap());
    let mib = 1 << 20;
    assert!(held[..20 * mib] == image);
    assert!(held[20 * mib..21 * mib].iter().all(|byte| *byte == 0));
    assert!(held[21 * mib..31 * mib].iter().all(|byte| *byte == STALE));
    assert!(held[31 * mib..].iter().all(|byte| *byte == 0));
}

#[test]
fn files_on_a_file_system_that_shares_blocks_share_them() {
    let Some(storage) = Loop::new(256 * MIB, 512) else {
        return;
    };
    let device = storage.device.to_str().unwrap();
    run("mkfs.btrfs", &["-q", "-f", device]);
    let Some(mounted) = Mounted::new(&[device]) else {
        return;
    };
    let folder = mounted.path();
    let image = image(folder, 20 * MIB);
    for (name, stale, size) in [("new", false, 32 * MIB), ("old", true, 24 * MIB)] {
        let disk = folder.join(name);
        if stale {
            fs::write(&disk, vec![STALE; 24 << 20]).unwrap();
        }
        let copied = deploy(&image, &disk, Some(size)).unwrap();
        assert_eq!((copied.shared_bytes, copied.data_bytes), (20 * MIB, 0));
        assert_holds(&disk, &image);
        let shown = run("filefrag", &["-v", disk.to_str().unwrap()]);
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.contains("shared"), "{shown}");
    }
}
