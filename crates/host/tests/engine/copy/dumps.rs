//! Dumps of one file system, which become disks.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::path::Path;

use snf_image::copy::copy;
use snf_image::format::{Content, FileSystem, ImageError, boot_code};
use snf_image::source::Source;
use snf_image::target::Target;

use crate::copy::support::{MIB, folder, run};

/// A file system of 16 MiB with one file in it.
fn dump(folder: &Path) -> std::path::PathBuf {
    let (tree, path) = (folder.join("tree"), folder.join("dump"));
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("hello"), "world\n").unwrap();
    File::create(&path).unwrap().set_len(16 * MIB).unwrap();
    let (tree, path_text) = (tree.to_str().unwrap(), path.to_str().unwrap());
    run("mke2fs", &["-q", "-F", "-t", "ext4", "-d", tree, path_text]);
    path
}

fn contents(path: &Path) -> [Content; 2] {
    let file = File::open(path).unwrap();
    let length = Some(file.metadata().unwrap().len());
    [
        Content::Image(Box::new(Source::open(path).unwrap())),
        Content::Stream {
            bytes: Box::new(file),
            length,
        },
    ]
}

#[test]
fn a_dump_becomes_a_disk_with_one_active_partition() {
    let folder = folder();
    let dump = dump(folder.path());
    let code = boot_code().unwrap();
    for (number, content) in contents(&dump).into_iter().enumerate() {
        let disk = folder.path().join(format!("disk{number}"));
        let target = Target::open(&disk, Some(32 * MIB), None).unwrap();
        let content = FileSystem::Ext.as_disk(content, &code, 512).unwrap();
        copy(content, target.disk(), &|_| {}).unwrap();
        target.keep();
        let text = disk.to_str().unwrap();
        let table = String::from_utf8(run("sfdisk", &["--dump", text]).stdout).unwrap();
        assert!(
            table.contains("start=        2048, size=       32768, type=83, bootable"),
            "{table}"
        );
        assert!(fs::read(&disk).unwrap().starts_with(&code));
        let within = format!("{text}?offset={MIB}");
        run("e2fsck", &["-f", "-n", &within]);
        let shown = run("debugfs", &["-R", "cat /hello", &within]);
        assert_eq!(shown.stdout, b"world\n");
    }
}

#[test]
fn what_is_no_such_dump_or_only_its_beginning_is_refused() {
    let folder = folder();
    let dump = dump(folder.path());
    for content in contents(&dump) {
        let wrong = FileSystem::Ntfs.as_disk(content, &[], 512).err().unwrap();
        assert!(wrong.to_string().contains("no dump of an NTFS"), "{wrong}");
    }
    File::options()
        .write(true)
        .open(&dump)
        .unwrap()
        .set_len(8 * MIB)
        .unwrap();
    for content in contents(&dump) {
        let short = FileSystem::Ext.as_disk(content, &[], 512).err().unwrap();
        assert!(matches!(short, ImageError::Truncated { .. }), "{short}");
    }
}

#[test]
fn the_boot_code_of_an_ntfs_finds_it_where_it_comes_to() {
    let folder = folder();
    let dump = folder.path().join("dump");
    File::create(&dump).unwrap().set_len(16 * MIB).unwrap();
    // Made in a file, it knows of no place, tracks or heads.
    run(
        "mkntfs",
        &["--quiet", "--fast", "--force", dump.to_str().unwrap()],
    );
    for (number, content) in contents(&dump).into_iter().enumerate() {
        let disk = folder.path().join(format!("disk{number}"));
        let target = Target::open(&disk, Some(32 * MIB), None).unwrap();
        let content = FileSystem::Ntfs.as_disk(content, &[], 512).unwrap();
        copy(content, target.disk(), &|_| {}).unwrap();
        target.keep();
        let bytes = fs::read(&disk).unwrap();
        for boot in [1 << 20, (17 << 20) - 512] {
            // 63 sectors in a track, 255 heads, 2048 sectors before.
            let fields = &bytes[boot + 0x18..boot + 0x20];
            assert_eq!(fields, [63, 0, 255, 0, 0, 8, 0, 0], "{boot}");
        }
        let volume = folder.path().join("volume");
        fs::write(&volume, &bytes[1 << 20..17 << 20]).unwrap();
        let volume = volume.to_str().unwrap();
        run("ntfsinfo", &["--mft", volume]);
        run("ntfsfix", &["--no-action", volume]);
    }
}
