//! Compressed files of other projects' tests.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use snf_image::format::Format;
use snf_image::format::compression::Compression;

use crate::images::stage::{By, MIB, Stage};

/// Those which are damaged, and what is said of them.
const DAMAGED: [(&str, &str); 1] = [("dfvfs/corrupt1.gz", "gzip")];

/// Larger than all of them.
const DISK: u64 = 320 * MIB;

#[test]
fn file_systems_of_e2fsprogs_become_what_gzip_and_bzip2_unpack() {
    assert!(check_all(&["e2fsprogs"]).is_none_or(|seen| seen > 20));
}

#[test]
fn images_of_others_become_what_their_tools_unpack() {
    let directories = ["coreos-installer", "dfvfs", "ext4-view", "qemu-iotests"];
    assert!(check_all(&directories).is_none_or(|seen| seen > 40));
}

/// Checks the compressed files of these directories, and says how many there are.
fn check_all(directories: &[&str]) -> Option<usize> {
    let Some(images) = std::env::var_os("SNF_TEST_IMAGES").map(PathBuf::from) else {
        eprintln!("skipped: no SNF_TEST_IMAGES");
        return None;
    };
    let mut seen = 0;
    for path in directories
        .iter()
        .flat_map(|name| files(&images.join(name)))
    {
        let mut head = Vec::new();
        let file = File::open(&path).unwrap();
        file.take(16).read_to_end(&mut head).unwrap();
        if let Some(compression) = Compression::of(&head) {
            seen += 1;
            let name = path.strip_prefix(&images).unwrap().to_str().unwrap();
            let said = DAMAGED.iter().find(|(damaged, _)| *damaged == name);
            check(&path, compression, said.map(|(_, said)| *said));
        }
    }
    Some(seen)
}

/// A disk becomes what the tool of the compression makes of it, or both refuse it; what QEMU takes for another format than
/// raw is refused as a raw disk.
fn check(packed: &Path, compression: Compression, said: Option<&str>) {
    let stage = Stage::set();
    fs::copy(packed, stage.path("image")).unwrap();
    let disk = stage.path("disk");
    let put = stage.put_onto(&disk, Some(DISK), "image", Format::Diskdump, By::File);
    let tool = compression.name();
    let unpacked = Command::new(tool)
        .args(["-q", "-dc"])
        .stdin(File::open(packed).unwrap())
        .stdout(File::create(stage.path("unpacked")).unwrap())
        .status()
        .unwrap();
    match said {
        None => {
            assert!(unpacked.success(), "{packed:?}");
            if let Err(refusal) = &put
                && refusal.contains("begins like")
            {
                stage.run("! qemu-img info unpacked | grep -q 'file format: raw'");
                return;
            }
            let copied = put.unwrap_or_else(|failure| panic!("{packed:?}: {failure}"));
            let length = fs::metadata(stage.path("unpacked")).unwrap().len();
            assert_eq!(copied.length(), length, "{packed:?}");
            stage.run(&format!("cmp -n {length} unpacked disk"));
        }
        Some(said) => {
            assert!(!unpacked.success(), "{packed:?}");
            let refusal = put.unwrap_err();
            assert!(refusal.contains(said), "{packed:?}: {refusal}");
        }
    }
}

/// All regular files below.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(self::files(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}
