//! File systems of every kind in plain files: made from a tree, checked and read without ours.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::disk::MIB;
use crate::ext::Ext;
use crate::tool::{Tool, said};

/// Where the first logical volume begins in a physical one of lvm(8), in bytes.
const LVM_START: u64 = MIB;
/// What keeps lvm(8) away from this machine's own volumes and its kernel.
const LVM_CONFIG: &str = r#"devices { use_devicesfile=0 obtain_device_list_from_udev=0
    external_device_info_source="none" filter=["a|^@$|","r|.*|"] }
    backup { backup=0 archive=0 } global { event_activation=0 }"#;

/// A kind of file system, or of what it lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// ext4.
    Ext4,
    /// XFS.
    Xfs,
    /// Btrfs.
    Btrfs,
    /// F2FS.
    F2fs,
    /// ext4 on the only volume, `root`, of the group `vg0` of LVM.
    Lvm,
}

impl FileSystem {
    /// Makes one of so many MiB in a new file, with what lies in a directory and this UUID.
    ///
    /// # Errors
    /// When a tool fails.
    pub fn make(self, path: &Path, mib: u64, tree: &Path, uuid: &str) -> Result<()> {
        File::create(path)?.set_len(mib * MIB)?;
        let done = match self {
            FileSystem::Ext4 => return ext4(path, 0, mib, tree, uuid),
            FileSystem::Xfs => {
                let prototype = path.with_extension("prototype");
                fs::write(&prototype, xfs_prototype(tree)?)?;
                Tool::new("mkfs.xfs")
                    .args(["-q", "-m", &format!("uuid={uuid}"), "-p"])
                    .args([&prototype, path])
                    .run()
            }
            FileSystem::Btrfs => Tool::new("mkfs.btrfs")
                .args(["-q", "-U", uuid, "--rootdir"])
                .args([tree, path])
                .run(),
            FileSystem::F2fs => {
                Tool::new("mkfs.f2fs").arg("-q").arg(path).run()?;
                // It tells of what it has put in by exit codes that mean nothing.
                let loaded = Tool::new("sload.f2fs").arg("-f").args([tree, path]);
                loaded.output().map(|_| String::new())
            }
            FileSystem::Lvm => {
                let device = Loop::over(path)?;
                device.lvm("pvcreate", &[&device.0])?;
                device.lvm("vgcreate", &["vg0", &device.0])?;
                let new = ["-an", "-Zn", "-Wn", "-l", "100%FREE", "-n", "root", "vg0"];
                device.lvm("lvcreate", &new)?;
                // Whole extents of 4 MiB.
                let room = (mib - 1) / 4 * 4;
                return ext4(path, LVM_START, room, tree, uuid);
            }
        };
        done.map(drop)
    }

    /// What its own checker finds wrong with the one in this file; empty when nothing is.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn problems(self, path: &Path) -> Result<String> {
        let checker = match self {
            FileSystem::Ext4 => return Ext::at(path, 0).problems(),
            FileSystem::Lvm => return Ext::at(path, LVM_START).problems(),
            FileSystem::Xfs => Tool::new("xfs_repair").args(["-n", "-f"]),
            FileSystem::Btrfs => Tool::new("btrfs").args(["check", "--readonly"]),
            FileSystem::F2fs => Tool::new("fsck.f2fs").args(["-f", "--dry-run"]),
        };
        let output = checker.arg(path).output()?;
        Ok(if output.status.success() {
            String::new()
        } else {
            said(&output)
        })
    }

    /// How large the one in this file is, in bytes.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn size(self, path: &Path) -> Result<u64> {
        let (text, count, unit) = match self {
            FileSystem::Ext4 => return Ext::at(path, 0).size(),
            FileSystem::Lvm => return Ext::at(path, LVM_START).size(),
            FileSystem::Xfs => {
                let ask = ["-r", "-f", "-c", "sb 0", "-c", "print dblocks blocksize"];
                let text = Tool::new("xfs_db").args(ask).arg(path).run()?;
                (text, "dblocks = ", "blocksize = ")
            }
            FileSystem::Btrfs => {
                let ask = ["inspect-internal", "dump-super"];
                let text = Tool::new("btrfs").args(ask).arg(path).run()?;
                let text = text.replace('\t', " ");
                let line = text
                    .lines()
                    .find_map(|line| line.strip_prefix("total_bytes"));
                let size = line.and_then(|line| line.trim().parse().ok());
                return size.context("dump-super tells no size");
            }
            FileSystem::F2fs => {
                let text = Tool::new("dump.f2fs").arg(path).run()?;
                let line = text.lines().find(|line| line.contains("total FS sectors"));
                let number = line.and_then(|line| line.split('=').nth(1));
                let number = number.and_then(|text| text.split_whitespace().next());
                let sectors: Option<u64> = number.and_then(|text| text.parse().ok());
                return sectors
                    .map(|sectors| sectors * 512)
                    .context("dump.f2fs tells no size");
            }
        };
        let number = |name: &str| -> Option<u64> {
            text.lines()
                .find_map(|line| line.strip_prefix(name))?
                .trim()
                .parse()
                .ok()
        };
        number(count)
            .zip(number(unit))
            .map(|(count, unit)| count * unit)
            .with_context(|| format!("no size in {text}"))
    }

    /// The content of a file of text in the one in this file. No tool reads files of XFS, so this
    /// machine's kernel does, in a mount namespace of its own.
    ///
    /// # Errors
    /// When there is none.
    pub fn text(self, path: &Path, file: &str) -> Result<String> {
        match self {
            FileSystem::Ext4 => Ext::at(path, 0).text(file),
            FileSystem::Lvm => Ext::at(path, LVM_START).text(file),
            FileSystem::Xfs => {
                let script = "mount -o ro,loop,nouuid \"$1\" /mnt && cat \"/mnt$2\"";
                Tool::new("unshare")
                    .args(["--mount", "sh", "-c", script, "sh"])
                    .arg(path)
                    .arg(file)
                    .run()
            }
            FileSystem::Btrfs => {
                let directory = tempfile::tempdir()?;
                // One group for each directory on the way.
                let mut pattern = String::from("^/");
                let parts: Vec<_> = file.trim_start_matches('/').split('/').collect();
                for (depth, part) in parts.iter().enumerate() {
                    let slash = if depth == 0 { "" } else { "/" };
                    pattern.push_str(&format!("(|{slash}{part}"));
                }
                pattern.push_str(&")".repeat(parts.len()));
                pattern.push('$');
                Tool::new("btrfs")
                    .args(["restore", "--path-regex", &pattern])
                    .args([path, directory.path()])
                    .run()?;
                let file = directory.path().join(file.trim_start_matches('/'));
                fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
            }
            FileSystem::F2fs => bail!("nothing here reads {file} of an f2fs"),
        }
    }
}

fn ext4(path: &Path, offset: u64, mib: u64, tree: &Path, uuid: &str) -> Result<()> {
    Tool::new("mke2fs")
        .args(["-q", "-F", "-t", "ext4", "-U", uuid, "-E"])
        .arg(format!("offset={offset},root_owner=0:0"))
        .arg("-d")
        .args([tree, path])
        .arg(format!("{mib}M"))
        .run()
        .map(drop)
}

/// What mkfs.xfs(8) takes as the content of a new file system.
fn xfs_prototype(tree: &Path) -> Result<String> {
    let mut text = String::from("-\n0 0\n");
    prototype_of(tree, None, &mut text)?;
    Ok(text)
}

fn prototype_of(path: &Path, name: Option<&str>, text: &mut String) -> Result<()> {
    let about = fs::symlink_metadata(path)?;
    let kind = match () {
        () if about.is_dir() => 'd',
        () if about.is_symlink() => 'l',
        () => '-',
    };
    let (mode, uid, gid) = (about.mode() & 0o777, about.uid(), about.gid());
    let name = name.map(|name| format!("{name} ")).unwrap_or_default();
    text.push_str(&format!("{name}{kind}--{mode:03o} {uid} {gid}"));
    match kind {
        'l' => text.push_str(&format!(" {}\n", fs::read_link(path)?.display())),
        'd' => {
            text.push('\n');
            let mut entries: Vec<PathBuf> = fs::read_dir(path)?
                .map(|entry| Ok(entry?.path()))
                .collect::<Result<_>>()?;
            entries.sort();
            for entry in entries {
                let name = entry.file_name().and_then(|name| name.to_str());
                prototype_of(&entry, Some(name.context("a name")?), text)?;
            }
            text.push_str("$\n");
        }
        _ => text.push_str(&format!(" {}\n", path.display())),
    }
    Ok(())
}

/// A loop device, for tools that take no file. Dropping it lets go of it.
#[derive(Debug)]
pub struct Loop(String);

impl Loop {
    /// One over a file.
    ///
    /// # Errors
    /// When the system has none left.
    pub fn over(path: &Path) -> Result<Self> {
        let said = Tool::new("losetup")
            .args(["--find", "--show"])
            .arg(path)
            .run()?;
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

/// Copies a part of a disk into a new file, holes left out.
///
/// # Errors
/// When one of them cannot be read or written.
pub fn extract(disk: &Path, offset: u64, length: u64, to: &Path) -> Result<()> {
    let (from, to) = (File::open(disk)?, File::create(to)?);
    to.set_len(length)?;
    let mut block = vec![0; 1 << 20];
    let mut done = 0;
    while done < length {
        let part = usize::try_from((length - done).min(MIB))?;
        let bytes = block.get_mut(..part).context("a block")?;
        from.read_exact_at(bytes, offset + done)?;
        if bytes.iter().any(|byte| *byte != 0) {
            to.write_all_at(bytes, done)?;
        }
        done += u64::try_from(part)?;
    }
    Ok(())
}
