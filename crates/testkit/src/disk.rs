//! Makes disk images in plain files and reads their partition tables.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::loop_device::Loop;
use crate::tool::Tool;

/// One mebibyte in bytes.
pub const MIB: u64 = 1024 * 1024;

/// The bytes of a sector where nothing else is said.
pub const SECTOR: u64 = 512;

/// What sfdisk(8) calls the two kinds of partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// A GUID partition table.
    Gpt,
    /// A master boot record.
    Mbr,
}

/// A partition to be made.
#[derive(Debug, Clone)]
pub struct NewPartition {
    /// Its number.
    pub number: u32,
    /// Where it starts, in MiB.
    pub start: u64,
    /// How large it is, in MiB.
    pub size: u64,
    /// Its type as sfdisk(8) takes it: a GUID, a hexadecimal code, or an alias.
    pub kind: String,
    /// Anything else for sfdisk's line, for example `name=root`.
    pub extra: String,
    /// What is in it.
    pub content: Content,
}

impl NewPartition {
    /// A partition for Linux.
    #[must_use]
    pub fn new(number: u32, start: u64, size: u64, content: Content) -> Self {
        NewPartition {
            number,
            start,
            size,
            kind: "L".to_owned(),
            extra: String::new(),
            content,
        }
    }
}

/// What a new partition holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// Nothing.
    Empty,
    /// A file system by mke2fs(8).
    Ext {
        /// `ext2`, `ext3` or `ext4`.
        kind: &'static str,
        /// Its UUID.
        uuid: String,
        /// What to copy into it.
        tree: PathBuf,
    },
    /// What lies in a file.
    File(PathBuf),
    /// A FAT file system by mkfs.fat(8), with this volume id (eight hexadecimal digits).
    Fat(String),
}

/// Makes a sparse disk of `size` MiB with these partitions.
///
/// # Errors
/// When a tool fails.
pub fn make(path: &Path, size: u64, table: Table, partitions: &[NewPartition]) -> Result<()> {
    make_of_sectors(SECTOR, path, size, table, partitions)
}

/// The same for disks whose sectors have so many bytes.
///
/// # Errors
/// When a tool fails.
pub fn make_of_sectors(
    sector: u64,
    path: &Path,
    size: u64,
    table: Table,
    partitions: &[NewPartition],
) -> Result<()> {
    let file = File::create(path).with_context(|| format!("making {}", path.display()))?;
    file.set_len(size * MIB)?;
    let label = match table {
        Table::Gpt => "gpt",
        Table::Mbr => "dos",
    };
    let mut script = format!("label: {label}\n");
    for partition in partitions {
        let NewPartition {
            number,
            start,
            size,
            kind,
            extra,
            ..
        } = partition;
        let comma = if extra.is_empty() { "" } else { ", " };
        script.push_str(&format!(
            "{number} : start={start}MiB, size={size}MiB, type={kind}{comma}{extra}\n"
        ));
    }
    // It takes a file for a disk with sectors of 512 bytes.
    let device = (sector != SECTOR)
        .then(|| Loop::with_sectors(path, sector))
        .transpose()?;
    let node = device
        .as_ref()
        .map_or(path, |device| Path::new(device.name()));
    Tool::new("sfdisk")
        .args(["--quiet", "--no-reread", "--no-tell-kernel"])
        .arg(node)
        .input(script)
        .run()?;
    drop(device);
    for partition in partitions {
        fill(path, partition)?;
    }
    Ok(())
}

fn fill(path: &Path, partition: &NewPartition) -> Result<()> {
    let offset = partition.start * MIB;
    match &partition.content {
        Content::Empty => Ok(()),
        Content::File(from) => Tool::new("dd")
            .args(["bs=1M", "conv=notrunc,sparse", "status=none"])
            .arg(format!("if={}", from.display()))
            .arg(format!("of={}", path.display()))
            .arg(format!("seek={}", partition.start))
            .run()
            .map(drop),
        Content::Ext { kind, uuid, tree } => Tool::new("mke2fs")
            .args(["-q", "-F", "-t", kind, "-U", uuid, "-E"])
            .arg(format!("offset={offset},root_owner=0:0"))
            .arg("-d")
            .args([tree, path])
            .arg(format!("{}k", partition.size * 1024))
            .run()
            .map(drop),
        Content::Fat(id) => Tool::new("mkfs.fat")
            .args([
                "-F",
                "16",
                "-i",
                id,
                "--offset",
                &(offset / 512).to_string(),
            ])
            .arg(path)
            .arg((partition.size * 1024).to_string())
            .run()
            .map(drop),
    }
}

/// A partition as a table has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Partition {
    /// The image's path followed by the number.
    pub node: String,
    /// Where it starts, in sectors of its disk.
    pub start: u64,
    /// How large it is, in sectors of its disk.
    pub size: u64,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its own GUID, in a GPT.
    pub uuid: Option<String>,
    /// Its name, in a GPT.
    pub name: Option<String>,
    /// Its attributes, in a GPT.
    pub attrs: Option<String>,
}

impl Partition {
    /// Where it starts, in bytes, on a disk with sectors of 512 bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.start * SECTOR
    }
}

/// The partitions of a disk in the order of the table, read with sfdisk(8).
///
/// # Errors
/// When there is no table.
pub fn partitions(disk: &Path) -> Result<Vec<Partition>> {
    #[derive(Deserialize)]
    struct Answer {
        partitiontable: Listed,
    }
    #[derive(Deserialize)]
    struct Listed {
        #[serde(default)]
        partitions: Vec<Partition>,
    }
    let text = Tool::new("sfdisk").arg("--json").arg(disk).run()?;
    let answer: Answer = serde_json::from_str(&text).context("reading sfdisk's answer")?;
    Ok(answer.partitiontable.partitions)
}

/// The partition that starts last.
///
/// # Errors
/// When there is none.
pub fn last_partition(disk: &Path) -> Result<Partition> {
    partitions(disk)?
        .into_iter()
        .max_by_key(|partition| partition.start)
        .with_context(|| format!("{} has no partition", disk.display()))
}

/// What sgdisk(8) finds wrong with a GPT; empty when nothing is.
///
/// # Errors
/// When it cannot be started.
pub fn gpt_problems(disk: &Path) -> Result<String> {
    let output = Tool::new("sgdisk").arg("--verify").arg(disk).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let fine = output.status.success() && text.contains("No problems found");
    Ok(if fine { String::new() } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_as_it_was_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let disk = directory.path().join("disk");
        let partitions = [
            NewPartition::new(14, 1, 1, Content::Empty),
            NewPartition::new(1, 2, 4, Content::Empty),
        ];
        make(&disk, 8, Table::Gpt, &partitions).unwrap();
        assert_eq!(gpt_problems(&disk).unwrap(), "");
        let last = last_partition(&disk).unwrap();
        assert_eq!((last.offset(), last.size), (2 * MIB, 8192));
        assert!(last.node.ends_with("disk1"));
    }
}
