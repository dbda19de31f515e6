//! Images that others have collected: known by what blkid(8) says of them, and no panic.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::disk::probe::{self, Kind};
use crate::disk::swap::{Header, Region};
use crate::disk::table::Table;
use crate::disk::{btrfs, device, ext, f2fs, xfs};
use crate::guest::testing::samples;

/// How much of an image is unpacked, in bytes: more than anything here looks at.
const HEAD: u64 = 4 << 20;

/// The images of a folder, their packing taken off the name.
fn images(folder: &Path) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let named = entries.filter_map(|path| {
        let name = path.file_name()?.to_str()?.strip_suffix(".img.xz")?;
        Some((name.to_owned(), path.clone()))
    });
    named.collect()
}

/// The start of a packed image in a file.
fn unpacked(packed: &Path) -> tempfile::NamedTempFile {
    let mut child = Command::new("xz")
        .args(["--decompress", "--stdout"])
        .arg(packed)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut head = Vec::new();
    let stdout = child.stdout.take().unwrap();
    stdout.take(HEAD).read_to_end(&mut head).unwrap();
    let _ = child.kill();
    child.wait().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), head).unwrap();
    file
}

/// What blkid calls what is known here.
fn name(kind: Kind) -> String {
    match kind {
        Kind::Luks => "crypto_LUKS".into(),
        Kind::Lvm => "LVM2_member".into(),
        kind => kind.to_string(),
    }
}

#[test]
fn what_blkid_knows_is_known_under_the_same_names() {
    let Some(folder) = samples("util-linux") else {
        return;
    };
    let mut known = 0;
    for (image, path) in images(&folder.join("images-fs")) {
        let Ok(expected) =
            fs::read_to_string(folder.join("expected").join(format!("low-probe-{image}")))
        else {
            continue;
        };
        let value = |key: &str| {
            let start = format!("ID_FS_{key}=");
            expected
                .lines()
                .find_map(|line| line.strip_prefix(&start))
                .map(str::to_owned)
        };
        let found = probe::read(unpacked(&path).path()).unwrap();
        let is_ours = |found: &probe::Found| Some(name(found.kind)) == value("TYPE");
        match found {
            Some(found) if is_ours(&found) => {
                known += 1;
                if found.kind.is_linux() || found.kind == Kind::Swap {
                    assert_eq!(found.uuid, value("UUID"), "{image}");
                }
            }
            Some(found) => assert!(!found.kind.can_grow(), "{image} is taken for {found:?}"),
            None => assert!(
                ![
                    "ext2",
                    "ext3",
                    "ext4",
                    "xfs",
                    "btrfs",
                    "f2fs",
                    "vfat",
                    "ntfs",
                    "crypto_LUKS"
                ]
                .contains(&value("TYPE").unwrap_or_default().as_str()),
                "{image} is not known"
            ),
        }
    }
    assert!(known > 10, "{known}");
}

#[test]
fn no_image_makes_a_reader_panic() {
    for folder in [
        "util-linux/images-pt",
        "util-linux/images-fs",
        "syzkaller",
        "gpt",
    ] {
        let Some(folder) = samples(folder) else {
            return;
        };
        for path in images(&folder).values() {
            let image = unpacked(path);
            let _ = Table::read(image.path()).map(|table| {
                table.map(|table| (table.growing().is_some(), table.last().is_some()))
            });
            let head = device::head(image.path(), 68 << 10).unwrap();
            let _ = probe::parse(&head);
            let _ = xfs::fit(&head, HEAD);
            let _ = btrfs::Superblock::parse(&head).map(|found| found.fit(HEAD));
            let _ = f2fs::Superblock::parse(&head).map(|found| found.fit(HEAD));
            let _ = ext::Superblock::parse(&head).map(|found| found.fit(HEAD));
            let _ = Header::parse(&head);
            let region = Region {
                disk: image.path().into(),
                offset: 0,
                length: HEAD,
            };
            let _ = region.state();
        }
    }
}
