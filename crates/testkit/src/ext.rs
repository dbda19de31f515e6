//! Reads ext2/3/4 file systems in a disk image with debugfs(8) and e2fsck(8), unmounted.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::tool::{Tool, said};

/// A file system at an offset of a disk image.
#[derive(Debug, Clone)]
pub struct Ext {
    /// In libext2fs's spelling: path, question mark, option.
    device: String,
}

/// What debugfs says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// For example `regular`, `directory`, `symlink`, `FIFO`.
    pub kind: String,
    /// Permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
}

impl Ext {
    /// The file system that starts at this byte.
    #[must_use]
    pub fn at(disk: &Path, offset: u64) -> Self {
        Ext {
            device: format!("{}?offset={offset}", disk.display()),
        }
    }

    /// What e2fsck(8) finds wrong; empty when nothing is.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn problems(&self) -> Result<String> {
        let output = Tool::new("e2fsck")
            .args(["-f", "-n", &self.device])
            .output()?;
        Ok(if output.status.success() {
            String::new()
        } else {
            said(&output)
        })
    }

    /// The content of a file.
    ///
    /// # Errors
    /// When there is none.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let output = self.debugfs(&format!("cat \"{path}\""))?;
        // debugfs succeeds whatever happens; its first line of errors is its name.
        let errors = String::from_utf8_lossy(&output.stderr);
        match errors.lines().nth(1) {
            Some(why) => bail!("reading {path} of {}: {why}", self.device),
            None => Ok(output.stdout),
        }
    }

    /// The content of a file of text.
    ///
    /// # Errors
    /// When there is none or it is not UTF-8.
    pub fn text(&self, path: &str) -> Result<String> {
        String::from_utf8(self.read(path)?).with_context(|| format!("{path} is not text"))
    }

    /// What a file is and whose; links are not followed.
    ///
    /// # Errors
    /// When there is none.
    pub fn stat(&self, path: &str) -> Result<Stat> {
        let output = self.debugfs(&format!("stat \"{path}\""))?;
        let text = String::from_utf8_lossy(&output.stdout);
        parse_stat(&text)
            .with_context(|| format!("no {path} in {}: {}", self.device, said(&output)))
    }

    /// Whether there is something at this path.
    ///
    /// # Errors
    /// When debugfs cannot be started.
    pub fn exists(&self, path: &str) -> Result<bool> {
        let output = self.debugfs(&format!("stat \"{path}\""))?;
        Ok(parse_stat(&String::from_utf8_lossy(&output.stdout)).is_some())
    }

    /// The SELinux label of a file.
    ///
    /// # Errors
    /// When it has none.
    pub fn label(&self, path: &str) -> Result<String> {
        let output = self.debugfs(&format!("ea_get -V \"{path}\" security.selinux"))?;
        let label = String::from_utf8_lossy(&output.stdout);
        let label = label.trim_end_matches(['\n', '\0']);
        anyhow::ensure!(!label.is_empty(), "{path} has no label: {}", said(&output));
        Ok(label.to_owned())
    }

    /// The names in a directory, `.` and `..` left out.
    ///
    /// # Errors
    /// When debugfs cannot be started.
    pub fn list(&self, path: &str) -> Result<Vec<String>> {
        let output = self.debugfs(&format!("ls -p \"{path}\""))?;
        // Each line is /inode/mode/uid/gid/name/size/.
        Ok(String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| line.split('/').nth(5))
            .filter(|name| !["", ".", ".."].contains(name))
            .map(str::to_owned)
            .collect())
    }

    /// How large the file system is, in bytes.
    ///
    /// # Errors
    /// When it has no superblock.
    pub fn size(&self) -> Result<u64> {
        let output = self.debugfs("show_super_stats -h")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let number = |name: &str| -> Option<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse().ok()
        };
        number("Block count:")
            .zip(number("Block size:"))
            .map(|(count, size)| count * size)
            .with_context(|| format!("{} has no superblock: {}", self.device, said(&output)))
    }

    fn debugfs(&self, request: &str) -> Result<std::process::Output> {
        Tool::new("debugfs")
            .args(["-R", request, &self.device])
            .output()
    }
}

fn parse_stat(text: &str) -> Option<Stat> {
    let mut words = text.split_whitespace();
    let mut after = |name: &str| {
        words
            .by_ref()
            .find(|word| *word == name)
            .and_then(|_| words.next())
    };
    Some(Stat {
        kind: after("Type:")?.to_owned(),
        mode: u32::from_str_radix(after("Mode:")?, 8).ok()?,
        uid: after("User:")?.parse().ok()?,
        gid: after("Group:")?.parse().ok()?,
        size: after("Size:")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Content, MIB, NewPartition, Table, make};
    use std::fs;

    #[test]
    fn a_file_put_into_a_disk_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join("tree");
        fs::create_dir_all(tree.join("etc")).unwrap();
        fs::write(tree.join("etc/a file"), "content").unwrap();
        let disk = directory.path().join("disk");
        let content = Content::Ext {
            kind: "ext4",
            uuid: "0f0e0d0c-0b0a-4908-8706-050403020100".to_owned(),
            tree,
        };
        make(
            &disk,
            18,
            Table::Mbr,
            &[NewPartition::new(1, 1, 16, content)],
        )
        .unwrap();

        let ext = Ext::at(&disk, MIB);
        assert_eq!(ext.problems().unwrap(), "");
        assert_eq!(ext.size().unwrap(), 16 * MIB);
        assert_eq!(ext.text("/etc/a file").unwrap(), "content");
        assert_eq!(ext.list("/etc").unwrap(), ["a file"]);
        let stat = ext.stat("/etc/a file").unwrap();
        assert_eq!((stat.kind.as_str(), stat.size), ("regular", 7));
        assert!(!ext.exists("/etc/none").unwrap());
        assert!(ext.read("/etc/none").is_err());
        assert!(!Ext::at(&disk, 0).problems().unwrap().is_empty());
    }
}
