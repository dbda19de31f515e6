//! Loop devices: block devices over files, for tools and for tests that take no file.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use anyhow::Result;

use crate::tool::Tool;

/// What keeps lvm(8) away from this machine's own volumes and its kernel.
const LVM_CONFIG: &str = r#"devices { use_devicesfile=0 obtain_device_list_from_udev=0
    external_device_info_source="none" filter=["a|^@$|","r|.*|"] }
    backup { backup=0 archive=0 } global { event_activation=0 }"#;

/// A loop device, for tools that take no file. Dropping it lets go of it.
#[derive(Debug)]
pub struct Loop(String);

impl Loop {
    /// One over a file.
    ///
    /// # Errors
    /// When the system has none left.
    pub fn over(path: &Path) -> Result<Self> {
        Loop::made(path, &[])
    }

    /// One whose sectors have so many bytes.
    ///
    /// # Errors
    /// When the system has none left.
    pub fn with_sectors(path: &Path, bytes: u64) -> Result<Self> {
        Loop::made(path, &["--sector-size", &bytes.to_string()])
    }

    /// One over what begins at this byte of a file.
    ///
    /// # Errors
    /// When the system has none left.
    pub fn from_byte(path: &Path, offset: u64) -> Result<Self> {
        Loop::made(path, &["--offset", &offset.to_string()])
    }

    fn made(path: &Path, options: &[&str]) -> Result<Self> {
        let losetup = Tool::new("losetup").args(["--find", "--show"]);
        let said = losetup.args(options).arg(path).run()?;
        Ok(Loop(said.trim().to_owned()))
    }

    /// Its node.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// What lvm(8) says of it, its kernel's part left out.
    ///
    /// # Errors
    /// When it fails.
    pub fn lvm(&self, command: &str, arguments: &[&str]) -> Result<String> {
        self.lvm_with(self, command, arguments)
    }

    /// The same of two.
    ///
    /// # Errors
    /// When it fails.
    pub fn lvm_with(&self, other: &Loop, command: &str, arguments: &[&str]) -> Result<String> {
        let both = format!("({}|{})", self.0, other.0);
        Tool::new("lvm")
            .args([command, "--driverloaded", "n", "--config"])
            .arg(LVM_CONFIG.replace('@', &both))
            .args(arguments)
            .run()
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Tool::new("losetup").args(["--detach", &self.0]).run();
    }
}
