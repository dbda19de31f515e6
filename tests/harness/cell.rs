//! A cell of the matrix: a file system in a table, deployed with all that can be asked for, and
//! judged by tools that are not ours.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(
    clippy::unwrap_used,
    reason = "what cannot be read back is a failure of the test"
)]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use snf_image_testkit::disk::MIB;
use snf_image_testkit::filesystem::{FileSystem, extract};
use snf_image_testkit::layout::Layout;
use snf_image_testkit::loop_device::Loop;
use snf_image_testkit::tree::{self, ROOT_UUID};

use crate::{Outcome, Scene};

/// How much larger the disk is than the image, in MiB.
const MORE: u64 = 160;
/// The swap space that is asked for, in MiB.
const SWAP: u64 = 16;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINLWYIpcT2GaIkbA9uPn6Q7rJ4m1hZ0c3tTqk0D0aBcd admin\n";
const SCRIPT: &str = "#!/bin/sh\ntouch /first\n";
const TASK: &str = "#!/bin/sh\necho done > $SNF_IMAGE_TARGET/etc/by-the-task\n";
/// What the tasks look for beside the tree of a Debian.
const MORE_FILES: [(&str, &str); 5] = [
    ("bin/sh", ""),
    (
        "etc/network/interfaces",
        "auto lo\niface lo inet loopback\n",
    ),
    ("usr/lib/systemd/systemd", ""),
    ("usr/sbin/ifup", ""),
    ("var/lib/systemd/random-seed", "the image's own seed"),
];
/// The tasks that have something to do in every cell.
const BUSY: [&str; 12] = [
    "MountImage",
    "CreateUser",
    "AssignHostname",
    "ChangeMachineId",
    "ChangePassword",
    "ConfigureNetwork",
    "DeleteSSHKeys",
    "RemoveIdentity",
    "EnforcePersonality",
    "FirstBoot",
    "RunCustomTask",
    "UmountImage",
];

/// A file system with the tree of a small Debian, to be laid out on disks.
#[derive(Debug)]
pub struct Cell<'scene> {
    scene: &'scene Scene,
    file_system: FileSystem,
    content: PathBuf,
}

impl Scene {
    /// Makes the file system of a cell.
    ///
    /// # Errors
    /// When a tool fails.
    pub fn cell(&self, file_system: FileSystem) -> Result<Cell<'_>> {
        let directory = self.path("tree");
        fs::create_dir(&directory)?;
        tree::debian(&directory)?;
        for (name, content) in MORE_FILES {
            let path = directory.join(name);
            fs::create_dir_all(path.parent().context("a file at the top")?)?;
            fs::write(path, content)?;
        }
        // mkfs.btrfs(8) makes none with the UUID of another disk, such as that of a test beside this one.
        let uuid = tree::random_uuid()?;
        let fstab = directory.join("etc/fstab");
        fs::write(
            &fstab,
            fs::read_to_string(&fstab)?.replace(ROOT_UUID, &uuid),
        )?;
        let content = self.path("file-system");
        file_system.make(&content, file_system.smallest(), &directory, &uuid)?;
        fs::remove_dir_all(directory)?;
        for (name, content) in [
            ("password", "correct horse battery\n"),
            ("key.pub", KEY),
            ("script", SCRIPT),
            ("task", TASK),
            ("file", "content\n"),
        ] {
            self.write(name, content)?;
        }
        Ok(Cell {
            scene: self,
            file_system,
            content,
        })
    }
}

impl Cell<'_> {
    /// The image `image` in the scene with the file system in this layout, and its size in MiB.
    ///
    /// # Errors
    /// When a tool fails.
    pub fn image(&self, layout: Layout) -> Result<(PathBuf, u64)> {
        let image = self.scene.path("image");
        let size = layout.make(&image, &self.content, self.file_system.smallest())?;
        Ok((image, size))
    }

    /// Deploys with everything that can be asked for, onto a larger disk. Every task does its work,
    /// and it is found on the disk.
    ///
    /// # Panics
    /// When it is not.
    pub fn becomes_a_machine(&self, layout: Layout) {
        let mut arguments = vec![
            "--json".to_owned(),
            "--hostname=vm.example.org".into(),
            "--password-file=password".into(),
            "--ssh-key=key.pub".into(),
            "--property=CREATE_USER=admin".into(),
            "--nic=mac=52:54:00:5e:00:01,dhcp".into(),
            "--inject=file:/srv/new/file".into(),
            "--first-boot=script".into(),
            "--custom-task=task".into(),
        ];
        let number = layout.next();
        arguments.extend(number.map(|number| format!("--property=SWAP={number}:{SWAP}")));
        let swap = number.map_or(0, |_| SWAP);
        let outcome = self.deploy(layout, &arguments);
        let done = tasks_done(&outcome);
        for task in self.busy(layout) {
            assert!(done.contains(task), "{layout:?}: no {task} in {done:?}");
        }
        let result = self.grown(layout, swap);
        self.is_its_own(&result, swap > 0);
        self.remove("disk");
    }

    /// Comes as an export onto a larger disk. It grows, is sound, and keeps its name.
    ///
    /// # Panics
    /// When it does not.
    pub fn grows_on_import(&self, layout: Layout) {
        let (image, size) = self.image(layout).unwrap();
        self.scene.blank("disk", size + MORE).unwrap();
        let script = self.scene.script("").unwrap().with_disks(&["disk"]);
        let disk = self.scene.path("disk").display().to_string();
        let script = script
            .with("IMPORT_DEVICE", &disk)
            .with("IMPORT_INDEX", "0");
        let mut import = script.command("import");
        let output = import.stdin(File::open(image).unwrap()).output().unwrap();
        Outcome::from(output).succeeded();
        let result = self.grown(layout, 0);
        let name = self.file_system.text(&result, "/etc/hostname").unwrap();
        assert_eq!(name, "debian\n", "{layout:?}");
        self.remove("disk");
    }

    fn deploy(&self, layout: Layout, arguments: &[String]) -> Outcome {
        let (image, size) = self.image(layout).unwrap();
        self.scene.blank("disk", size + MORE).unwrap();
        let disk = self.scene.path("disk");
        let large = (layout == Layout::LargeSectors)
            .then(|| Loop::with_sectors(&disk, layout.sector()).unwrap());
        let device = large.as_ref().map(|device| Path::new(device.name()));
        let mut command = self.scene.snf_image();
        command.arg("deploy").arg("--image").arg(image);
        command.arg("--target").arg(device.unwrap_or(&disk));
        command.args(arguments);
        let outcome = Outcome::from(command.output().unwrap());
        outcome.succeeded();
        outcome
    }

    /// The tasks that have something to do here.
    fn busy(&self, layout: Layout) -> Vec<&'static str> {
        let mut busy = BUSY.to_vec();
        busy.extend(match self.file_system {
            FileSystem::Xfs | FileSystem::Btrfs => &["FilesystemResizeMounted"][..],
            // One grows the volume, the other the file system on it.
            FileSystem::XfsOnLvm => &["FilesystemResizeUnmounted", "FilesystemResizeMounted"],
            _ => &["FilesystemResizeUnmounted"],
        });
        if layout != Layout::Whole {
            busy.extend(["FixPartitionTable", "AddSwap"]);
        }
        busy
    }

    /// The file system taken out of the disk: it has all the room but that for swap space and
    /// what tables and alignment need, and its checker finds nothing.
    fn grown(&self, layout: Layout, swap: u64) -> PathBuf {
        let (disk, result) = (self.scene.path("disk"), self.scene.path("result"));
        assert_eq!(layout.problems(&disk).unwrap(), "", "{layout:?}");
        let (offset, length) = layout.region(&disk).unwrap();
        let size = fs::metadata(&disk).unwrap().len();
        // One MiB for the table's backup, and one before a logical partition.
        let room = size - (swap + 2) * MIB;
        assert!(offset + length >= room, "{layout:?}: {offset} {length}");
        extract(&disk, offset, length, &result).unwrap();
        assert_eq!(
            self.file_system.problems(&result).unwrap(),
            "",
            "{layout:?}"
        );
        let grown = self.file_system.size(&result).unwrap();
        // Whole extents of LVM and segments of f2fs.
        assert!(grown + 6 * MIB > length, "{layout:?}: {grown} of {length}");
        result
    }

    /// What every task was asked to leave lies there.
    fn is_its_own(&self, result: &Path, has_swap: bool) {
        let text = |path: &str| self.file_system.text(result, path);
        for (path, content) in [
            ("/etc/hostname", "vm.example.org\n"),
            ("/home/admin/.ssh/authorized_keys", KEY),
            ("/srv/new/file", "content\n"),
            ("/usr/local/sbin/snf-image-first-boot", SCRIPT),
            ("/etc/by-the-task", "done\n"),
        ] {
            assert_eq!(text(path).unwrap(), content, "{path}");
        }
        for (path, words) in [
            ("/etc/hosts", "vm.example.org"),
            ("/etc/passwd", "\nadmin:"),
            ("/etc/shadow", "\nadmin:$"),
            ("/etc/network/interfaces", "inet dhcp"),
            ("/etc/ssh/ssh_host_ed25519_key", "BEGIN OPENSSH PRIVATE KEY"),
        ] {
            let content = text(path).unwrap();
            assert!(content.contains(words), "no {words} in {path}: {content}");
        }
        let own = text("/etc/machine-id").unwrap();
        assert_ne!(own, "0123456789abcdef0123456789abcdef\n");
        assert!(text("/var/lib/systemd/random-seed").is_err());
        let fstab = text("/etc/fstab").unwrap();
        assert_eq!(fstab.contains(" none swap "), has_swap, "{fstab}");
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.scene.path(name)).unwrap();
    }
}

/// The tasks that began, by the messages of a deployment that succeeded; those that were skipped are left out.
fn tasks_done(outcome: &Outcome) -> BTreeSet<String> {
    let mut done = BTreeSet::new();
    for line in outcome.stdout.lines() {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |place| message.pointer(place).and_then(serde_json::Value::as_str);
        if text("/subtype") == Some("task-start") {
            done.extend(text("/task").map(str::to_owned));
        } else if let Some((task, _)) =
            text("/messages/0").and_then(|text| text.split_once(" was skipped: "))
        {
            done.remove(task);
        }
    }
    done
}
