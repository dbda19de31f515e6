//! nbdkit and qemu-nbd as the servers of targets.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::os::unix::fs::MetadataExt;

use snf_image_testkit::nbd::Server;

use crate::targets::stage::{MIB, Stage, assert_holds};

#[test]
fn an_image_is_on_the_disk_and_nothing_old_is_within_it() {
    let stage = Stage::set();
    let image = stage.image(9 * MIB + 513);
    let file = stage.file("disk", 16 * MIB, 0xa5);
    let path = file.to_str().unwrap();
    let socket = stage.path("socket");
    let kit = ["nbdkit", "--foreground", "file", path];
    let qemu = [
        "qemu-nbd",
        "--persistent",
        "--shared=0",
        "--format=raw",
        "--discard=unmap",
        "--export-name=a disk",
        path,
    ];
    for (command, export, is_unix) in [
        (kit.as_slice(), "", true),
        (&kit, "", false),
        (&qemu, "a%20disk", false),
    ] {
        fs::write(&file, vec![0xa5; 16 << 20]).unwrap();
        let server = if is_unix {
            Server::on_path(&socket, command).unwrap()
        } else {
            Server::on_port(command).unwrap()
        };
        let target = stage.reach(&server.uri(export)).unwrap();
        assert_eq!((target.capacity(), target.sector_size()), (16 * MIB, 512));
        let copied = stage.put(&image, &target).unwrap();
        drop(target);
        assert_eq!(copied.length(), 9 * MIB + 513);
        // nbdkit does not say that zeroing this file is fast; qemu-nbd does.
        let (rest, mib) = ((7 << 20) - 513, 1 << 20);
        let is_fast = !export.is_empty();
        assert_holds(&file, &image, |at| {
            is_fast || at < 4096 - 513 + mib || at >= rest - mib
        });
        drop(server);
    }
}

#[test]
fn a_disk_that_zeroes_slowly_is_zeroed_at_its_ends_alone() {
    let stage = Stage::set();
    let image = stage.image(4 * MIB);
    let file = stage.file("disk", 16 * MIB, 0xa5);
    let command = [
        "nbdkit",
        "--foreground",
        "--filter=nozero",
        "file",
        file.to_str().unwrap(),
    ];
    let server = Server::on_port(&command).unwrap();
    let target = stage.reach(&server.uri("")).unwrap();
    let copied = stage.put(&image, &target).unwrap();
    assert_eq!(copied.kept_bytes, 10 * MIB);
    drop(target);
    let mib = 1 << 20;
    assert_holds(&file, &image, |at| at < mib || at >= 11 * mib);
}

#[test]
fn a_disk_without_data_takes_up_only_what_is_written() {
    let stage = Stage::set();
    let image = stage.image(64 * MIB);
    let file = stage.path("disk");
    fs::File::create(&file).unwrap().set_len(64 * MIB).unwrap();
    let server =
        Server::on_port(&["nbdkit", "--foreground", "file", file.to_str().unwrap()]).unwrap();
    let target = stage.reach(&server.uri("")).unwrap();
    stage.put(&image, &target).unwrap();
    drop(target);
    assert_holds(&file, &image, |_| true);
    assert!(fs::metadata(&file).unwrap().blocks() * 512 < 4 * MIB);
}

#[test]
fn sectors_of_4096_bytes_are_told_and_kept_to() {
    let stage = Stage::set();
    let image = stage.image(5 * MIB + 512);
    let file = stage.file("disk", 7 * MIB, 0xa5);
    let command = [
        "nbdkit",
        "--foreground",
        "--filter=blocksize-policy",
        "file",
        file.to_str().unwrap(),
        "blocksize-minimum=4096",
        "blocksize-preferred=4096",
        "blocksize-maximum=32M",
        "blocksize-error-policy=error",
    ];
    let server = Server::on_port(&command).unwrap();
    let target = stage.reach(&server.uri("")).unwrap();
    assert_eq!(target.sector_size(), 4096);
    stage.put(&image, &target).unwrap();
    drop(target);
    assert_holds(&file, &image, |_| true);
}
