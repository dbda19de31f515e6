//! Root file systems of guests, as small as a customisation can tell apart.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use anyhow::{Context, Result};

use crate::tool::Tool;

/// The UUID that every tree's fstab names for its root.
pub const ROOT_UUID: &str = "6b1a0a1c-56a4-4c9e-9a0e-2a1b3c4d5e6f";

/// A UUID that no other file system has.
///
/// # Errors
/// When the kernel gives none.
pub fn random_uuid() -> Result<String> {
    let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    Ok(uuid.trim().to_owned())
}

/// A file of a tree: path, permissions, content.
type File = (&'static str, u32, &'static str);

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
    daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
    user:x:1000:1000::/home/user:/bin/bash\n";
const SHADOW: &str = "root:*:19000:0:99999:7:::\n\
    daemon:*:19000:0:99999:7:::\n\
    user:!:19000:0:99999:7:::\n";
const GROUP: &str = "root:x:0:\ndaemon:x:1:\nshadow:x:42:\nuser:x:1000:\n";
const FSTAB: &str = "UUID=6b1a0a1c-56a4-4c9e-9a0e-2a1b3c4d5e6f / ext4 errors=remount-ro 0 1\n";

const COMMON: [File; 8] = [
    ("etc/passwd", 0o644, PASSWD),
    ("etc/group", 0o644, GROUP),
    ("etc/fstab", 0o644, FSTAB),
    (
        "etc/machine-id",
        0o444,
        "0123456789abcdef0123456789abcdef\n",
    ),
    ("etc/ssh/sshd_config", 0o644, "UsePAM yes\n"),
    (
        "etc/ssh/ssh_host_ed25519_key",
        0o600,
        "the image's own private key\n",
    ),
    (
        "etc/ssh/ssh_host_ed25519_key.pub",
        0o644,
        "ssh-ed25519 AAAA image\n",
    ),
    ("usr/sbin/sshd", 0o755, ""),
];

const DEBIAN: [File; 5] = [
    ("etc/shadow", 0o640, SHADOW),
    (
        "etc/os-release",
        0o644,
        "ID=debian\nVERSION_ID=\"12\"\nNAME=\"Debian GNU/Linux\"\n",
    ),
    ("etc/debian_version", 0o644, "12.12\n"),
    ("etc/hostname", 0o644, "debian\n"),
    (
        "etc/hosts",
        0o644,
        "127.0.0.1 localhost\n127.0.1.1 debian\n",
    ),
];

const RED_HAT: [File; 5] = [
    ("etc/shadow", 0o000, SHADOW),
    (
        "etc/os-release",
        0o644,
        "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.5\"\n",
    ),
    (
        "etc/redhat-release",
        0o644,
        "Rocky Linux release 9.5 (Blue Onyx)\n",
    ),
    ("etc/hostname", 0o644, "localhost.localdomain\n"),
    (
        "etc/hosts",
        0o644,
        "127.0.0.1 localhost localhost.localdomain\n",
    ),
];

/// A guest of the Debian family, with a user `user` and host keys that must go.
///
/// # Errors
/// When it cannot be written.
pub fn debian(root: &Path) -> Result<()> {
    write(root, &COMMON)?;
    write(root, &DEBIAN)?;
    // Debian's group `shadow`.
    chown(root.join("etc/shadow"), Some(0), Some(42))?;
    finish(root)
}

/// A guest of the Red Hat family, with a user `user` and host keys that must go.
///
/// # Errors
/// When it cannot be written.
pub fn red_hat(root: &Path) -> Result<()> {
    write(root, &COMMON)?;
    write(root, &RED_HAT)?;
    finish(root)
}

fn finish(root: &Path) -> Result<()> {
    for (directory, permissions) in [("root", 0o700), ("home/user", 0o755), ("tmp", 0o1777)] {
        let path = root.join(directory);
        fs::create_dir_all(&path)?;
        fs::set_permissions(&path, PermissionsExt::from_mode(permissions))?;
    }
    chown(root.join("home/user"), Some(1000), Some(1000))?;
    Ok(())
}

fn write(root: &Path, files: &[File]) -> Result<()> {
    for (name, permissions, content) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().context("a file at the top")?)?;
        fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
        fs::set_permissions(&path, PermissionsExt::from_mode(*permissions))?;
    }
    Ok(())
}

/// A trap for a program that trusts an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trap {
    /// A symbolic link with this target.
    Link(&'static str),
    /// A FIFO, which blocks whoever opens it.
    Fifo,
    /// The device node of this machine's memory of zeroes.
    Device,
    /// A directory in the place of a file.
    Directory,
}

/// Puts a trap in the place of whatever the tree has at `path` (relative to its root).
///
/// # Errors
/// When it cannot be put there.
pub fn set_trap(root: &Path, path: &str, trap: Trap) -> Result<()> {
    let path = root.join(path);
    fs::create_dir_all(path.parent().context("a trap at the top")?)?;
    match fs::symlink_metadata(&path) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(&path)?,
        Ok(_) => fs::remove_file(&path)?,
        Err(_) => {}
    }
    match trap {
        Trap::Link(target) => symlink(target, &path)?,
        Trap::Directory => fs::create_dir(&path)?,
        Trap::Fifo => Tool::new("mkfifo").arg(&path).run().map(drop)?,
        Trap::Device => Tool::new("mknod")
            .arg(&path)
            .args(["c", "1", "5"])
            .run()
            .map(drop)?,
    }
    Ok(())
}
