//! File systems of every kind in plain files: made from a tree, checked and read without ours.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result};

use crate::disk::MIB;
use crate::ext::Ext;
use crate::loop_device::Loop;
use crate::tool::{Tool, said};

/// Where the first logical volume begins in a physical one of lvm(8), in bytes.
const LVM_START: u64 = MIB;

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
    /// XFS on such a volume.
    XfsOnLvm,
}

impl FileSystem {
    /// The smallest that its tools make, in MiB.
    #[must_use]
    pub fn smallest(self) -> u64 {
        match self {
            FileSystem::Xfs => 320,
            FileSystem::XfsOnLvm => 328,
            FileSystem::Btrfs | FileSystem::F2fs => 128,
            FileSystem::Ext4 | FileSystem::Lvm => 64,
        }
    }

    /// Makes one of so many MiB in a new file, with what lies in a directory and this UUID, for
    /// disks with sectors of up to 4096 bytes.
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
                    .args(["-q", "-s", "size=4096", "-m", &format!("uuid={uuid}"), "-p"])
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
                let room = volume_group(path, mib)?;
                return ext4(path, LVM_START, room, tree, uuid);
            }
            FileSystem::XfsOnLvm => {
                let room = volume_group(path, mib)?;
                let volume = path.with_extension("volume");
                FileSystem::Xfs.make(&volume, room, tree, uuid)?;
                Tool::new("dd")
                    .args(["bs=1M", "seek=1", "conv=notrunc,sparse", "status=none"])
                    .arg(format!("if={}", volume.display()))
                    .arg(format!("of={}", path.display()))
                    .run()
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
            FileSystem::Xfs | FileSystem::XfsOnLvm => {
                let device = self.xfs(path)?;
                let repair = Tool::new("xfs_repair").args(["-n", device.name()]);
                return Ok(problems(&repair.output()?));
            }
            FileSystem::Btrfs => Tool::new("btrfs").args(["check", "--readonly"]),
            FileSystem::F2fs => Tool::new("fsck.f2fs").args(["-f", "--dry-run"]),
        };
        Ok(problems(&checker.arg(path).output()?))
    }

    /// The XFS in this file as a device.
    fn xfs(self, path: &Path) -> Result<Loop> {
        let offset = if self == FileSystem::Xfs {
            0
        } else {
            LVM_START
        };
        Loop::from_byte(path, offset)
    }

    /// How large the one in this file is, in bytes.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn size(self, path: &Path) -> Result<u64> {
        let (text, count, unit) = match self {
            FileSystem::Ext4 => return Ext::at(path, 0).size(),
            FileSystem::Lvm => return Ext::at(path, LVM_START).size(),
            FileSystem::Xfs | FileSystem::XfsOnLvm => {
                let device = self.xfs(path)?;
                let ask = ["-r", "-c", "sb 0", "-c", "print dblocks blocksize"];
                let text = Tool::new("xfs_db").args(ask).arg(device.name()).run()?;
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
            FileSystem::Xfs | FileSystem::XfsOnLvm => {
                let device = self.xfs(path)?;
                let script = "mount -o ro,nouuid \"$1\" /mnt && cat \"/mnt$2\"";
                Tool::new("unshare")
                    .args(["--mount", "sh", "-c", script, "sh", device.name(), file])
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
            FileSystem::F2fs => f2fs_text(path, file),
        }
    }
}

/// Makes a file of so many MiB the only physical volume of a group with one volume, and says how
/// many MiB that has: whole extents of 4 MiB.
fn volume_group(path: &Path, mib: u64) -> Result<u64> {
    let device = Loop::over(path)?;
    device.lvm("pvcreate", &[device.name()])?;
    device.lvm("vgcreate", &["vg0", device.name()])?;
    let new = ["-an", "-Zn", "-Wn", "-l", "100%FREE", "-n", "root", "vg0"];
    device.lvm("lvcreate", &new)?;
    Ok((mib - 1) / 4 * 4)
}

/// What a checker found, when it does not call everything fine.
fn problems(output: &Output) -> String {
    if output.status.success() {
        String::new()
    } else {
        said(output)
    }
}

fn ext4(path: &Path, offset: u64, mib: u64, tree: &Path, uuid: &str) -> Result<()> {
    Tool::new("mke2fs")
        .args(["-q", "-F", "-t", "ext4", "-b", "4096", "-U", uuid, "-E"])
        .arg(format!("offset={offset},root_owner=0:0"))
        .arg("-d")
        .args([tree, path])
        .arg(format!("{mib}M"))
        .run()
        .map(drop)
}

/// fsck.f2fs(8) shows the tree with the numbers of its inodes, dump.f2fs(8) takes one out.
fn f2fs_text(path: &Path, file: &str) -> Result<String> {
    let shown = Tool::new("fsck.f2fs").arg("-t").arg(path).run()?;
    let inode = f2fs_inode(&shown, file).with_context(|| format!("no {file} in {shown}"))?;
    let directory = tempfile::tempdir()?;
    Tool::new("dump.f2fs")
        .args(["-i", &inode])
        .arg(fs::canonicalize(path)?)
        .directory(directory.path())
        .input("y\n")
        .run()?;
    // It goes by the name under which the file was made, whatever it was renamed to.
    let found = fs::read_dir(directory.path().join("lost_found"))?.next();
    let found = found.context("nothing was taken out")??.path();
    fs::read_to_string(&found).with_context(|| format!("reading {}", found.display()))
}

/// The number of a file's inode in lines such as `|   |-- hostname <ino = 0x7>, …`.
fn f2fs_inode(shown: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for line in shown.lines() {
        let Some((before, entry)) = line.split_once("-- ") else {
            continue;
        };
        let Some((name, rest)) = entry.split_once(" <ino = ") else {
            continue;
        };
        parts.truncate(before.len() / 4);
        parts.push(name);
        if parts.join("/") == file.trim_start_matches('/') {
            return rest.split_once('>').map(|(number, _)| number.to_owned());
        }
    }
    None
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

/// Copies a part of a disk into a new file, holes left out.
///
/// # Errors
/// When one of them cannot be read or written.
pub fn extract(disk: &Path, offset: u64, length: u64, to: &Path) -> Result<()> {
    let (from, to) = (File::open(disk)?, File::create(to)?);
    to.set_len(length)?;
    let mut block = vec![0; 1 << 20];
    // Compared as a whole: byte by byte takes seconds in a build without optimisation.
    let zeroes = block.clone();
    let mut done = 0;
    while done < length {
        let part = usize::try_from((length - done).min(MIB))?;
        let bytes = block.get_mut(..part).context("a block")?;
        from.read_exact_at(bytes, offset + done)?;
        if !zeroes.starts_with(bytes) {
            to.write_all_at(bytes, done)?;
        }
        done += u64::try_from(part)?;
    }
    Ok(())
}
