//! The real programs that read these files, in a system of their own.
//!
//! `cargo xtask network-tree` makes the system, and SNF_NETWORK_TREE names its directory. Programs run in it
//! with namespaces of their own, above a copy that is thrown away: what they do to a network they do
//! to a pair of interfaces that nobody else sees.
// SPDX-License-Identifier: BSD-2-Clause

mod effect;
mod parsers;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::plan::Plan;

/// Lays the files over the system and runs a shell in it: arguments are the system, the files and
/// the script. `/sys` can only be read, which tells systemd and NetworkManager to do without udev.
const ENTER: &str = r#"
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
cp -a "$2/." /mnt/upper
mount -t overlay -o lowerdir="$1",upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
mount -t proc proc /mnt/root/proc
mount -t sysfs -o ro sysfs /mnt/root/sys
mount --rbind /dev /mnt/root/dev
mount -t tmpfs tmpfs /mnt/root/run
exec timeout 100 chroot /mnt/root /bin/sh -ec "ip link set lo up
$3"
"#;

/// A system with the programs.
pub(crate) struct Tree {
    path: PathBuf,
}

impl Tree {
    /// The system that SNF_NETWORK_TREE names, if there is one.
    pub(crate) fn find() -> Option<Self> {
        let path = std::env::var_os("SNF_NETWORK_TREE").map(PathBuf::from);
        let path = path.filter(|path| path.is_dir());
        if path.is_none() {
            eprintln!("skipped: SNF_NETWORK_TREE names no system with the network's programs");
        }
        Some(Tree { path: path? })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs a script among these files; gives what it says on both outputs.
    #[track_caller]
    pub(crate) fn run(&self, files: &Files, script: &str) -> String {
        self.run_over(files.path(), script)
    }

    /// Runs a script likewise among the files of a directory.
    #[track_caller]
    pub(crate) fn run_over(&self, files: &Path, script: &str) -> String {
        let output = Command::new("unshare")
            .args(["--mount", "--net", "--uts", "--pid", "--fork"])
            .arg("--kill-child")
            .args(["sh", "-ec", ENTER, "sh"])
            .arg(&self.path)
            .arg(files)
            .arg(format!("exec 2>&1\n{script}"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{said}\n{why}");
        said
    }
}

/// Files on their way into the system.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // It becomes the root directory of programs that are not root.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Files(directory)
    }

    /// Those of a plan, below a directory.
    pub(crate) fn of(below: &str, plan: &Plan) -> Self {
        let files = Self::new();
        files.add(below, plan);
        files
    }

    pub(crate) fn add(&self, below: &str, plan: &Plan) {
        for file in &plan.files {
            let path = format!("{below}{}", file.path);
            self.write(&path, &file.content, file.mode);
        }
    }

    pub(crate) fn write(&self, path: &str, content: &str, mode: u32) {
        let path = self.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}
