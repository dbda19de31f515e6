//! Image trees for tests, with a neighbour that must never change.
//!
//! What works on a tree runs with the tree's own directory as `/`. A fault that leads out
//! of the image is seen in the neighbour then, and does no harm to the machine.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{CWD, Dev, FileType, Mode, makedev, mknodat};
use rustix::mount::{MountPropagationFlags, mount_change};
use snf_image_protocol::{Parameters, Properties, Task, VERSION, Windows};
use tempfile::TempDir;

use super::root::Root;
use crate::error::Result;
use crate::run::context::{Context, Done};
use crate::run::testing::{self, Warnings};
use crate::tasks;

/// A directory with an image's tree, and beside it a tree that lies outside.
pub(crate) struct Image {
    directory: TempDir,
    outside: Snapshot,
}

/// Everything that can be seen of the files in a tree.
type Snapshot = BTreeMap<PathBuf, (u32, u32, u32, Vec<u8>)>;

impl Image {
    /// A tree without any file.
    pub(crate) fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("image")).unwrap();
        fs::create_dir(directory.path().join("parameters")).unwrap();
        let outside = directory.path().join("beside/outside");
        fs::create_dir_all(&outside).unwrap();
        for name in [
            "shadow",
            "hostname",
            "authorized_keys",
            "machine-id",
            "passwd",
        ] {
            fs::write(outside.join(name), "outside\n").unwrap();
        }
        let outside = snapshot(&directory.path().join("beside"));
        Image { directory, outside }
    }

    /// A tree as of a small Debian.
    pub(crate) fn debian() -> Self {
        let image = Self::empty();
        image
            .file("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
            .file(
                "/etc/passwd",
                "root:x:0:0:root:/root:/bin/bash\nuser:x:1000:1001::/home/user:/bin/sh\n",
            )
            .file("/etc/group", "root:x:0:\nuser:x:1001:\nwww:x:33:\n")
            .file(
                "/etc/shadow",
                "root:*:19000:0:99999:7:::\nuser:!:19000:0:99999:7:::\n",
            )
            .file("/etc/hostname", "debian\n")
            .file("/etc/hosts", "127.0.0.1\tlocalhost\n")
            .directory("/root");
        image
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        let relative = path.trim_start_matches('/');
        self.directory.path().join("image").join(relative)
    }

    /// A place outside the image, as an absolute path of what works on the tree.
    pub(crate) fn outside(&self, name: &str) -> String {
        format!("/beside/outside/{name}")
    }

    /// Where the contents of injected files lie.
    pub(crate) fn parameters_dir(&self) -> PathBuf {
        self.directory.path().join("parameters")
    }

    /// Does some work on the image, with the directory of this tree as `/`.
    pub(crate) fn confined<T: Send>(&self, work: impl FnOnce(Root) -> T + Send) -> T {
        let top = self.directory.path();
        let confined = move || {
            // Of this thread alone: the root directory, and what is mounted meanwhile.
            unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).unwrap();
            let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
            mount_change("/", private).unwrap();
            rustix::process::chroot(top).unwrap();
            rustix::process::chdir("/").unwrap();
            work(Root::open(Path::new("/image")).unwrap())
        };
        let result = std::thread::scope(|scope| scope.spawn(confined).join());
        assert_eq!(
            snapshot(&top.join("beside")),
            self.outside,
            "a file outside changed"
        );
        match result {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    pub(crate) fn file(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let parent = path.parent().unwrap().canonicalize().unwrap();
        assert!(parent.starts_with(self.path("/").canonicalize().unwrap()));
        assert!(!path.is_symlink(), "a link in place of {}", path.display());
        fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn directory(&self, path: &str) -> &Self {
        fs::create_dir_all(self.path(path)).unwrap();
        self
    }

    /// Puts a symbolic link there, in place of what was there.
    pub(crate) fn link(&self, path: &str, target: &str) -> &Self {
        self.gone(path);
        symlink(target, self.path(path)).unwrap();
        self
    }

    /// Puts a FIFO there, in place of what was there. To open it for reading would hang.
    pub(crate) fn fifo(&self, path: &str) -> &Self {
        self.node(path, FileType::Fifo, 0)
    }

    /// Puts the device node of this machine's memory of zeroes there, in place of what was there.
    pub(crate) fn device(&self, path: &str) -> &Self {
        self.node(path, FileType::CharacterDevice, makedev(1, 5))
    }

    fn node(&self, path: &str, kind: FileType, device: Dev) -> &Self {
        self.gone(path);
        mknodat(CWD, self.path(path), kind, Mode::RWXU, device).unwrap();
        self
    }

    fn gone(&self, path: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path).unwrap();
        } else {
            let _ = fs::remove_file(path);
        }
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Owner, group and permissions.
    pub(crate) fn attributes(&self, path: &str) -> (u32, u32, u32) {
        let found = fs::symlink_metadata(self.path(path)).unwrap();
        (found.uid(), found.gid(), found.mode() & 0o7777)
    }

    /// Every file and directory of the image.
    pub(crate) fn everything(&self) -> Snapshot {
        snapshot(&self.path("/"))
    }

    /// Runs a task on the image, and checks that no file with a passing name is left.
    pub(crate) fn run(&self, task: Work, parameters: &Parameters) -> (Result<Done>, Vec<String>) {
        let result = self.confined(|root| {
            let mut warnings = Warnings::default();
            let mut context = testing::context(parameters, &mut warnings);
            context.parameters_dir = "/parameters".into();
            context.target = "/image".into();
            context.root = Some(root);
            let done = task(&mut context);
            (done, warnings.0)
        });
        for path in self.everything().keys() {
            let name = path.to_string_lossy();
            assert!(!name.contains(".snf-image-"), "{name} was left");
        }
        result
    }
}

/// A task of the helper.
type Work = fn(&mut Context<'_>) -> Result<Done>;

/// Every task that changes files, in its order.
pub(crate) fn all(context: &mut Context<'_>) -> Result<Done> {
    for task in Task::ALL {
        if task.is_mounted() && !task.is_resize() && task.is_excludable() {
            tasks::run(task, context)?;
        }
    }
    Ok(Done::Yes)
}

/// Parameters that ask for nothing.
pub(crate) fn nothing() -> Parameters {
    Parameters {
        version: VERSION,
        only: None,
        hostname: None,
        password: None,
        password_hash: None,
        authorized_keys: Vec::new(),
        host_keys: Vec::new(),
        nics: Vec::new(),
        properties: Properties::default(),
        personality: Vec::new(),
        windows: Windows::default(),
        user_data: None,
    }
}

/// A folder of the collection of real trees that `SNF_TEST_IMAGES` names.
pub(crate) fn samples(folder: &str) -> Option<PathBuf> {
    let collection = std::env::var_os("SNF_TEST_IMAGES");
    let folder = collection.map(|collection| Path::new(&collection).join(folder));
    let found = folder.filter(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!("skipped: SNF_TEST_IMAGES names no folder of sample trees");
    }
    found
}

fn snapshot(top: &Path) -> Snapshot {
    let mut found = Snapshot::new();
    let mut todo = vec![top.to_owned()];
    while let Some(path) = todo.pop() {
        let about = fs::symlink_metadata(&path).unwrap();
        let content = if about.is_file() && about.len() > 1 << 24 {
            format!("{} bytes", about.len()).into_bytes()
        } else if about.is_file() {
            fs::read(&path).unwrap()
        } else if about.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            target.into_os_string().into_encoded_bytes()
        } else {
            Vec::new()
        };
        if about.is_dir() {
            todo.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        found.insert(path, (about.mode(), about.uid(), about.gid(), content));
    }
    found
}
