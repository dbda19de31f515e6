//! Every table with every file system on a larger disk, read back with tools that are not ours.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "in a test a fault of the set-up is a failure"
)]

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use harness::Scene;
use snf_image_testkit::disk::{self, Content, MIB, NewPartition, Table};
use snf_image_testkit::filesystem::{FileSystem, Loop, extract};
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree::{self, ROOT_UUID};

/// How much larger the disk is than the image, in MiB.
const MORE: u64 = 160;

/// Where the file system lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// In the only partition of a GPT.
    Gpt,
    /// In the last logical partition of an MBR.
    Logical,
    /// On the whole disk.
    Whole,
}

impl Layout {
    const ALL: [Layout; 3] = [Layout::Gpt, Layout::Logical, Layout::Whole];

    /// The number of the partition and what lies before it, in MiB.
    fn place(self) -> (Option<u32>, u64) {
        match self {
            Layout::Gpt => (Some(1), 1),
            Layout::Logical => (Some(6), 4),
            Layout::Whole => (None, 0),
        }
    }

    /// Makes an image of a file system of so many MiB.
    fn make(self, image: &Path, file_system: &Path, mib: u64) {
        let (number, start) = self.place();
        let root = NewPartition::new(number.unwrap_or(1), start, mib, Content::Empty);
        let size = start + mib + 1;
        match self {
            Layout::Gpt => disk::make(image, size, Table::Gpt, &[root]).unwrap(),
            Layout::Logical => {
                let mut extended = NewPartition::new(2, 1, size - 2, Content::Empty);
                extended.kind = "extended".into();
                let mut first = NewPartition::new(5, 2, 1, Content::Empty);
                first.kind = "83".into();
                let last = NewPartition {
                    kind: "83".into(),
                    ..root
                };
                disk::make(image, size, Table::Mbr, &[extended, first, last]).unwrap();
            }
            Layout::Whole => File::create(image).unwrap().set_len(mib * MIB).unwrap(),
        }
        put(file_system, image, start * MIB);
    }

    /// Where the partition lies on a disk, in bytes.
    fn region(self, disk: &Path) -> (u64, u64) {
        let Some(number) = self.place().0 else {
            return (0, fs::metadata(disk).unwrap().len());
        };
        let node = format!("{}{number}", disk.display());
        let mut partitions = disk::partitions(disk).unwrap().into_iter();
        let found = partitions.find(|partition| partition.node == node).unwrap();
        (found.offset(), found.size * 512)
    }
}

/// Copies a file into an image, holes left out.
fn put(from: &Path, image: &Path, offset: u64) {
    let mut from = File::open(from).unwrap();
    let image = File::options().write(true).open(image).unwrap();
    let mut at = offset;
    let mut block = vec![0; 1 << 20];
    loop {
        let read = from.read(&mut block).unwrap();
        let Some(bytes) = block.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return;
        };
        if bytes.iter().any(|byte| *byte != 0) {
            image.write_all_at(bytes, at).unwrap();
        }
        at += u64::try_from(read).unwrap();
    }
}

/// The smallest that its tools make, in MiB.
fn smallest(file_system: FileSystem) -> u64 {
    match file_system {
        FileSystem::Xfs => 320,
        FileSystem::Btrfs | FileSystem::F2fs => 128,
        _ => 64,
    }
}

/// The file system of a Debian in a file.
fn made(scene: &Scene, file_system: FileSystem) -> PathBuf {
    let directory = scene.path("tree");
    fs::create_dir(&directory).unwrap();
    tree::debian(&directory).unwrap();
    let path = scene.path("file-system");
    file_system
        .make(&path, smallest(file_system), &directory, ROOT_UUID)
        .unwrap();
    path
}

/// Deploys the file system in every layout. It grows to the end of its partition, is sound, and,
/// where the helper mounts it, has a name and a password of its own.
fn grows(file_system: FileSystem) {
    let Some(scene) = Scene::set() else { return };
    let content = made(&scene, file_system);
    let password = scene.write("password", "correct horse battery\n").unwrap();
    let is_mounted = file_system != FileSystem::F2fs;
    for layout in Layout::ALL {
        let image = scene.path("image");
        layout.make(&image, &content, smallest(file_system));
        let size = fs::metadata(&image).unwrap().len() / MIB + MORE;
        let mut arguments = vec![
            format!("--size={size}M"),
            "--hostname=vm.example.org".into(),
        ];
        arguments.push(format!("--password-file={}", password.display()));
        if !is_mounted {
            arguments.push("--property=EXCLUDE_MOUNTED_TASKS=yes".into());
        }
        scene.deploy(&image, "disk", arguments).unwrap().succeeded();

        let disk = scene.path("disk");
        let (offset, length) = layout.region(&disk);
        // At most a MiB is lost to the backup of the table.
        assert!(offset + length >= (size - 1) * MIB, "{layout:?}");
        let result = scene.path("result");
        extract(&disk, offset, length, &result).unwrap();
        assert_eq!(file_system.problems(&result).unwrap(), "", "{layout:?}");
        let grown = file_system.size(&result).unwrap();
        // Whole extents of LVM and segments of f2fs.
        assert!(grown + 6 * MIB > length, "{layout:?}: {grown} of {length}");
        if is_mounted {
            let text = |path: &str| file_system.text(&result, path).unwrap();
            assert_eq!(text("/etc/hostname"), "vm.example.org\n");
            assert!(text("/etc/shadow").starts_with("root:$"), "{layout:?}");
        }
        fs::remove_file(disk).unwrap();
    }
}

#[test]
fn ext4_grows_in_every_table() {
    grows(FileSystem::Ext4);
}

#[test]
fn xfs_grows_in_every_table() {
    grows(FileSystem::Xfs);
}

#[test]
fn btrfs_grows_in_every_table() {
    grows(FileSystem::Btrfs);
}

#[test]
fn f2fs_grows_in_every_table() {
    grows(FileSystem::F2fs);
}

#[test]
fn a_root_on_lvm_grows_in_every_table() {
    grows(FileSystem::Lvm);
}

/// A volume group whose root is no plain volume, or that is not alone on its disk, is left as
/// it is, and this is said by name.
#[test]
fn a_group_whose_growth_would_be_a_guess_is_left_alone_by_name() {
    let Some(scene) = Scene::set() else { return };
    let content = made(&scene, FileSystem::Lvm);
    // A second physical volume in the same group, on a partition before it.
    let second = scene.path("second");
    File::create(&second).unwrap().set_len(32 * MIB).unwrap();
    let (first, other) = (Loop::over(&content).unwrap(), Loop::over(&second).unwrap());
    other.lvm_with(&first, "pvcreate", &[other.name()]).unwrap();
    other
        .lvm_with(&first, "vgextend", &["vg0", other.name()])
        .unwrap();
    drop((first, other));
    let image = scene.path("image");
    let partitions = [
        NewPartition::new(2, 1, 32, Content::Empty),
        NewPartition::new(1, 33, 64, Content::Empty),
    ];
    disk::make(&image, 98, Table::Gpt, &partitions).unwrap();
    put(&second, &image, MIB);
    put(&content, &image, 33 * MIB);
    let arguments = ["--size=200M", "--hostname=vm", "--json"];
    let outcome = scene.deploy(&image, "disk", arguments).unwrap();
    let said = &outcome.succeeded().stdout;
    assert!(said.contains("vg0 has 2 physical volumes"), "{said}");
    let (disk, result) = (scene.path("disk"), scene.path("result"));
    extract(&disk, 33 * MIB, 64 * MIB, &result).unwrap();
    assert_eq!(FileSystem::Lvm.problems(&result).unwrap(), "");
    let hostname = FileSystem::Lvm.text(&result, "/etc/hostname").unwrap();
    assert_eq!(hostname, "vm\n");
}

/// Debian's own layout: the root in a subvolume that is not the default one, and here on two
/// devices of which the last grows.
#[test]
fn a_btrfs_of_two_devices_with_its_root_in_a_subvolume_grows() {
    let Some(scene) = Scene::set() else { return };
    let directory = scene.path("tree");
    fs::create_dir(&directory).unwrap();
    tree::debian(&directory).unwrap();
    let names = ["one", "two"].map(|name| scene.path(name));
    for name in &names {
        File::create(name).unwrap().set_len(128 * MIB).unwrap();
    }
    let [first, second] = names.each_ref().map(|name| Loop::over(name).unwrap());
    let script = "mkfs.btrfs -q -f -U \"$4\" -d single -m raid1 \"$1\" \"$2\" && \
                  mount -t btrfs -o \"device=$1,device=$2\" \"$1\" /mnt && \
                  btrfs -q subvolume create /mnt/@rootfs && cp -a \"$3\"/. /mnt/@rootfs/ && \
                  umount /mnt && btrfs device scan --forget";
    Tool::new("unshare")
        .args([
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
            first.name(),
            second.name(),
        ])
        .arg(&directory)
        // The kernel remembers the devices of each file system that it has seen.
        .arg("1d0c0b0a-56a4-4c9e-9a0e-2a1b3c4d5e6f")
        .run()
        .unwrap();
    drop((first, second));
    let image = scene.path("image");
    let partitions = [
        NewPartition::new(1, 1, 128, Content::Empty),
        NewPartition::new(2, 129, 128, Content::Empty),
    ];
    disk::make(&image, 258, Table::Gpt, &partitions).unwrap();
    put(&names[0], &image, MIB);
    put(&names[1], &image, 129 * MIB);
    let arguments = ["--size=400M", "--hostname=vm"];
    scene.deploy(&image, "disk", arguments).unwrap().succeeded();
    let disk = scene.path("disk");
    extract(&disk, MIB, 128 * MIB, &names[0]).unwrap();
    extract(&disk, 129 * MIB, 270 * MIB, &names[1]).unwrap();
    let [first, second] = names.each_ref().map(|name| Loop::over(name).unwrap());
    let script = "btrfs device scan \"$1\" \"$2\" >/dev/null && btrfs check --readonly \"$1\" >&2 && \
                  mount -t btrfs -o \"ro,device=$1,device=$2,subvol=@rootfs\" \"$1\" /mnt && \
                  cat /mnt/etc/hostname && btrfs filesystem show --raw /mnt && \
                  umount /mnt && btrfs device scan --forget";
    let said = Tool::new("unshare")
        .args([
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
            first.name(),
            second.name(),
        ])
        .run()
        .unwrap();
    assert!(said.starts_with("vm\n"), "{said}");
    let size = format!("size {}", 270 * MIB);
    assert!(said.contains(&size), "{size} is not in {said}");
}

#[test]
fn an_f2fs_root_is_refused_by_name_where_the_kernel_does_not_know_it() {
    let Some(scene) = Scene::set() else { return };
    let content = made(&scene, FileSystem::F2fs);
    let image = scene.path("image");
    Layout::Gpt.make(&image, &content, smallest(FileSystem::F2fs));
    let mut command = scene.deployment(&image, "disk", ["--hostname=vm"]);
    let words = ["holds f2fs, which the kernel of this helper does not know"];
    scene.fails(&mut command, 1, &words);
}
