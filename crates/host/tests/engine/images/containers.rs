//! Images in the formats that only QEMU reads, compared with what its own tools make of them.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use snf_image::format::Format;

use crate::images::stage::{By, MIB, Stage};

const RAW: u64 = 9 * MIB;
const DISK: u64 = 12 * MIB;

/// Every kind of image that `qemu-img` writes into one file, and its format.
const KINDS: [(&str, Format); 9] = [
    ("vmdk -o subformat=monolithicSparse", Format::Vmdk),
    ("vmdk -o subformat=streamOptimized", Format::Vmdk),
    (
        "vmdk -o subformat=monolithicSparse,compat6=on",
        Format::Vmdk,
    ),
    ("vpc -o subformat=dynamic,force_size=on", Format::Vhd),
    ("vpc -o subformat=fixed", Format::Vhd),
    ("vhdx -o subformat=dynamic,block_size=1M", Format::Vhdx),
    ("vhdx -o subformat=fixed", Format::Vhdx),
    ("vdi", Format::Vdi),
    ("vdi -o static=on", Format::Vdi),
];

/// The name by which QEMU knows the format.
fn driver(format: Format) -> &'static str {
    match format {
        Format::Vhd => "vpc",
        other => other.name(),
    }
}

#[test]
fn every_kind_of_image_becomes_the_disk_that_qemu_makes_of_it() {
    let stage = Stage::set();
    stage.raw(RAW);
    for (kind, format) in KINDS {
        stage.run(&format!("qemu-img convert -f raw -O {kind} raw image"));
        let driver = driver(format);
        stage.run(&format!(
            "qemu-img convert -f {driver} -O raw image expected"
        ));
        let expected = stage.path("expected");
        let copied = stage.put("image", format, By::File, DISK);
        let copied = copied.unwrap_or_else(|failure| panic!("{kind}: {failure}"));
        assert_eq!(
            copied.length(),
            fs::metadata(&expected).unwrap().len(),
            "{kind}"
        );
        if format == Format::Vmdk {
            // The blocks of the others are larger than the holes.
            assert!(copied.zero_bytes > RAW / 3, "{kind}: holes are read");
        }
        stage.assert_holds(&expected);
    }
}

#[test]
fn from_a_stream_and_inside_a_compression_it_is_the_same() {
    let stage = Stage::set();
    let raw = stage.raw(RAW);
    stage.run("qemu-img convert -f raw -O vmdk -o subformat=streamOptimized raw image");
    stage.put("image", Format::Vmdk, By::Pipe, DISK).unwrap();
    stage.assert_holds(&raw);
    stage.run("qemu-img convert -f raw -O vhdx raw x; zstd -q --rm -f x -o image");
    for by in [By::File, By::Pipe] {
        stage.put("image", Format::Vhdx, by, DISK).unwrap();
        stage.assert_holds(&raw);
    }
}

#[test]
fn what_is_of_another_format_or_damaged_is_refused_in_one_line() {
    let stage = Stage::set();
    stage.raw(RAW);
    for format in [Format::Vmdk, Format::Vhd, Format::Vhdx, Format::Vdi] {
        let failure = stage.put("raw", format, By::File, DISK).unwrap_err();
        assert!(failure.contains("raw: "), "{failure}");
    }
    stage.run("qemu-img convert -f raw -O vhdx raw image; truncate -s 3M image");
    let failure = stage
        .put("image", Format::Vhdx, By::File, DISK)
        .unwrap_err();
    assert!(!failure.is_empty());
}

/// Something that no image may reach: a file that all may read, below what QEMU itself reads.
fn secret() -> (PathBuf, Vec<u8>) {
    let path = fs::canonicalize("/lib/x86_64-linux-gnu/libc.so.6").unwrap();
    let bytes = fs::read(&path).unwrap();
    (path, bytes)
}

#[test]
fn an_image_that_names_other_files_is_refused_and_gets_nothing_of_them() {
    let stage = Stage::set();
    let (path, _) = secret();
    let shown = path.display();
    let sectors = 2048;
    let descriptor = |extent: &str| {
        format!(
            "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\n\
             createType=\"monolithicFlat\"\n\n# Extent description\n{extent}\n\n\
             ddb.adapterType = \"ide\"\nddb.geometry.sectors = \"63\"\n"
        )
    };
    let mut cases = Vec::new();
    for name in [
        path.display().to_string(),
        "/dev/fdset/1".into(),
        "/proc/self/fd/100".into(),
        "nbd:127.0.0.1:1".into(),
        format!("json:{{'driver':'raw','file':{{'driver':'file','filename':'{shown}'}}}}"),
        format!("fat:{}", path.parent().unwrap().display()),
    ] {
        cases.push(descriptor(&format!("RW {sectors} FLAT \"{name}\" 0")));
    }
    for case in cases {
        fs::write(stage.path("image"), &case).unwrap();
        let failure = stage
            .put("image", Format::Vmdk, By::File, DISK)
            .unwrap_err();
        assert!(!failure.contains("ELF"), "{failure}");
        untouched(&stage);
    }
    // A descriptor inside a sparse extent of no length counts as a whole image to QEMU.
    stage.run("qemu-img create -q -f vmdk image 1M");
    let embedded = descriptor(&format!("RW {sectors} FLAT \"{shown}\" 0"));
    let image = File::options()
        .write(true)
        .open(stage.path("image"))
        .unwrap();
    image.write_all_at(&[0; 8], 12).unwrap();
    let mut room = embedded.into_bytes();
    room.resize(20 * 512, 0);
    image.write_all_at(&room, 512).unwrap();
    stage
        .put("image", Format::Vmdk, By::File, DISK)
        .unwrap_err();
    untouched(&stage);
}

#[test]
fn an_image_that_differs_from_a_parent_is_refused() {
    let stage = Stage::set();
    stage.run(
        "qemu-img create -q -f vmdk parent 4M; qemu-img create -q -f vmdk -b parent -F vmdk image",
    );
    let failure = stage
        .put("image", Format::Vmdk, By::File, DISK)
        .unwrap_err();
    assert!(failure.contains("other files"), "{failure}");
    untouched(&stage);

    // Type 4 of VHD; its checksum is not looked at before that.
    stage.run("qemu-img create -q -f vpc image 4M");
    patch(&stage, 60, &[0, 0, 0, 4]);
    let failure = stage.put("image", Format::Vhd, By::File, DISK).unwrap_err();
    assert!(failure.contains("parent"), "{failure}");
    untouched(&stage);

    // A VDI with the number of a parent.
    stage.run("qemu-img create -q -f vdi image 4M");
    patch(&stage, 0x1b8, &[7; 16]);
    let failure = stage.put("image", Format::Vdi, By::File, DISK).unwrap_err();
    assert!(failure.contains("VDI"), "{failure}");
    untouched(&stage);
}

fn patch(stage: &Stage, at: u64, bytes: &[u8]) {
    let image = File::options()
        .write(true)
        .open(stage.path("image"))
        .unwrap();
    image.write_all_at(bytes, at).unwrap();
}

/// The disk holds what it held before.
fn untouched(stage: &Stage) {
    let disk = fs::read(stage.path("disk")).unwrap();
    assert!(disk.iter().all(|byte| *byte == 0xa5));
}

/// What becomes of each image of other projects: the disk's size in MiB, or a word of the refusal.
const COLLECTION: [(&str, Format, Result<u64, &str>); 14] = [
    ("qemu-iotests/afl9.vmdk.bz2", Format::Vmdk, Err("too big")),
    (
        "qemu-iotests/iotest-version3.vmdk.bz2",
        Format::Vmdk,
        Ok(16384),
    ),
    ("dfvfs/ext2.vmdk.xz", Format::Vmdk, Ok(4)),
    ("scalibr/invalid.vmdk", Format::Vmdk, Err("VMDK")),
    ("qemu-iotests/d2v-zerofilled.vhd.bz2", Format::Vhd, Ok(251)),
    (
        "qemu-iotests/virtualpc-dynamic.vhd.bz2",
        Format::Vhd,
        Ok(130_046),
    ),
    (
        "qemu-iotests/hyperv2012r2-dynamic.vhd.bz2",
        Format::Vhd,
        Ok(130_048),
    ),
    ("dfvfs/ext2.vhd.xz", Format::Vhd, Ok(4)),
    ("dfvfs/image-differential.vhd.xz", Format::Vhd, Err("")),
    ("dfvfs/fat-differential.vhd.xz", Format::Vhd, Err("parent")),
    (
        "qemu-iotests/iotest-dynamic-1G.vhdx.bz2",
        Format::Vhdx,
        Ok(1024),
    ),
    ("qemu-iotests/test-disk2vhd.vhdx.bz2", Format::Vhdx, Ok(256)),
    (
        "qemu-iotests/iotest-dirtylog-10G-4M.vhdx.bz2",
        Format::Vhdx,
        Err("log"),
    ),
    ("scalibr/invalid.vdi", Format::Vdi, Err("VDI")),
];

#[test]
fn images_of_other_projects_are_what_they_are_known_to_be() {
    let Some(folder) = std::env::var_os("SNF_TEST_IMAGES").map(PathBuf::from) else {
        println!("skipped: SNF_TEST_IMAGES names no folder with images");
        return;
    };
    let stage = Stage::set();
    for (name, format, expected) in COLLECTION {
        let image = folder.join(name);
        // Unpacked by others for `qemu-img`; the copy gets it as it is.
        let unpack = match image.extension().and_then(|ending| ending.to_str()) {
            Some("bz2") => "bzip2 -dc",
            Some("xz") => "xz -dc",
            _ => "cat",
        };
        stage.run(&format!("{unpack} {} > plain", image.display()));
        fs::copy(&image, stage.path("image")).unwrap();
        match expected {
            Ok(mebibytes) => {
                stage
                    .put_sparse("image", format, (mebibytes + 1) * MIB)
                    .unwrap_or_else(|failure| panic!("{name}: {failure}"));
                same_as_qemu(
                    &stage.path("plain"),
                    driver(format),
                    &stage.path("disk"),
                    name,
                );
            }
            Err(word) => {
                let refusal = stage.put_sparse("image", format, 64 * MIB).unwrap_err();
                assert!(refusal.contains(word), "{name}: {refusal}");
            }
        }
    }
}

/// `qemu-img compare` finds no difference but zeroes behind the shorter one.
fn same_as_qemu(image: &Path, driver: &str, disk: &Path, name: &str) {
    let mut command = Command::new("qemu-img");
    command
        .args(["compare", "-f", driver, "-F", "raw"])
        .arg(image)
        .arg(disk);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
}
