//! A directory in memory that no other process sees by name and that nothing outlives.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount,
    fsopen,
};

/// A tmpfs(5) that is mounted nowhere. It goes away with its descriptor, even when the
/// process is killed. Programs of ours reach it through this process's `/proc` entry,
/// which only root may follow.
#[derive(Debug)]
pub struct PrivateDir(OwnedFd);

impl PrivateDir {
    /// An empty directory that takes at most `size` bytes.
    ///
    /// # Errors
    /// When the system makes no tmpfs: the kernel is older than 5.2, or this is not root.
    pub fn new(size: u64) -> io::Result<Self> {
        let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_string(&context, "size", size.to_string())?;
        fsconfig_set_string(&context, "mode", "0700")?;
        fsconfig_create(&context)?;
        let flags = MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        Ok(PrivateDir(fsmount(
            &context,
            FsMountFlags::FSMOUNT_CLOEXEC,
            flags,
        )?))
    }

    /// The path by which this process and programs that it starts reach it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            self.0.as_raw_fd()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn programs_reach_it_and_no_mount_is_seen() {
        let before = std::fs::read("/proc/self/mountinfo").unwrap();
        let directory = PrivateDir::new(1 << 20).unwrap();
        let status = Command::new("cp")
            .arg("/etc/passwd")
            .arg(directory.path().join("copy"))
            .status()
            .unwrap();
        assert!(status.success());
        assert_eq!(
            std::fs::read(directory.path().join("copy")).unwrap(),
            std::fs::read("/etc/passwd").unwrap()
        );
        assert_eq!(std::fs::read("/proc/self/mountinfo").unwrap(), before);
        let path = directory.path();
        drop(directory);
        assert!(!path.exists());
    }
}
