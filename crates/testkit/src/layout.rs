//! Where the file system of a root lies on a disk: in what table, in which of its partitions.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::disk::{self, Content, NewPartition, SECTOR, Table};
use crate::loop_device::Loop;
use crate::tool::{Tool, said};

/// A table and a place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// In the only partition of a GPT.
    Gpt,
    /// In the only partition of a GPT that counts in sectors of 4096 bytes.
    LargeSectors,
    /// In the last logical partition of an MBR.
    Logical,
    /// On the whole disk.
    Whole,
}

impl Layout {
    /// The bytes of a sector.
    #[must_use]
    pub fn sector(self) -> u64 {
        match self {
            Layout::LargeSectors => 4096,
            _ => SECTOR,
        }
    }

    /// The number of the partition; `None`: there is none.
    #[must_use]
    pub fn number(self) -> Option<u32> {
        match self {
            Layout::Gpt | Layout::LargeSectors => Some(1),
            Layout::Logical => Some(6),
            Layout::Whole => None,
        }
    }

    /// The number that a partition gets which comes new behind it.
    #[must_use]
    pub fn next(self) -> Option<u32> {
        match self {
            Layout::Gpt | Layout::LargeSectors => Some(2),
            Layout::Logical => Some(7),
            Layout::Whole => None,
        }
    }

    /// What lies before the partition, in MiB.
    fn start(self) -> u64 {
        match self {
            Layout::Gpt | Layout::LargeSectors => 1,
            Layout::Logical => 4,
            Layout::Whole => 0,
        }
    }

    /// Makes an image of a file with a file system of so many MiB, and says how many MiB it has.
    ///
    /// # Errors
    /// When a tool fails.
    pub fn make(self, image: &Path, file_system: &Path, mib: u64) -> Result<u64> {
        let Some(number) = self.number() else {
            fs::copy(file_system, image)?;
            return Ok(mib);
        };
        let content = Content::File(file_system.to_owned());
        let mut root = NewPartition::new(number, self.start(), mib, content);
        let size = self.start() + mib + 1;
        if self != Layout::Logical {
            disk::make_of_sectors(self.sector(), image, size, Table::Gpt, &[root])?;
            return Ok(size);
        }
        let mut extended = NewPartition::new(2, 1, size - 2, Content::Empty);
        extended.kind = "extended".into();
        let mut first = NewPartition::new(5, 2, 1, Content::Empty);
        first.kind = "83".into();
        root.kind = "83".into();
        disk::make(image, size, Table::Mbr, &[extended, first, root])?;
        Ok(size)
    }

    /// Where the partition lies on a disk, and how long it is, in bytes.
    ///
    /// # Errors
    /// When it is not there.
    pub fn region(self, path: &Path) -> Result<(u64, u64)> {
        let Some(number) = self.number() else {
            return Ok((0, fs::metadata(path)?.len()));
        };
        let device = Loop::with_sectors(path, self.sector())?;
        let node = format!("{}p{number}", device.name());
        let partitions = disk::partitions(Path::new(device.name()))?;
        let found = partitions.iter().find(|partition| partition.node == node);
        let found = found.with_context(|| format!("no {node} in {partitions:?}"))?;
        Ok((found.start * self.sector(), found.size * self.sector()))
    }

    /// What is wrong with the table of a disk; empty when nothing is.
    ///
    /// # Errors
    /// When a tool cannot be started.
    pub fn problems(self, path: &Path) -> Result<String> {
        let device = Loop::with_sectors(path, self.sector())?;
        match self {
            Layout::Gpt | Layout::LargeSectors => disk::gpt_problems(Path::new(device.name())),
            Layout::Logical => {
                let verify = Tool::new("sfdisk").args(["--verify", "--quiet", device.name()]);
                let output = verify.output()?;
                let said = said(&output);
                let is_fine = output.status.success() && !said.contains("overlap");
                Ok(if is_fine { String::new() } else { said })
            }
            Layout::Whole => Ok(String::new()),
        }
    }
}
