//! FixPartitionTable: fits the partition table to the disk and grows the last partition.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use snf_image_protocol::OsFamily;

use crate::disk::device;
use crate::disk::table::{Partition, Table};
use crate::error::{Error, Result};
use crate::run::context::{Context, Done};
use crate::run::program;

/// Partitions end where disks like them to end, in bytes.
const ALIGNMENT: u64 = 1 << 20;
/// Writes both tables of a GPT, the backup to the end of the disk.
const RELOCATE: &[&str] = &["--relocate", "gpt-bak-std"];

/// Fits the table of the first disk to its size.
///
/// # Errors
/// When `sfdisk` fails.
pub fn run(context: &mut Context<'_>) -> Result<Done> {
    let disk = context.first_disk()?.to_path_buf();
    let Some(table) = &context.table else {
        return Ok(Done::Skipped("the image has no partition table".into()));
    };
    if matches!(context.os_family, OsFamily::OpenBsd | OsFamily::NetBsd) {
        return Ok(Done::Skipped(
            "the disk label of a BSD system is left as it is".into(),
        ));
    }
    let changes = changes(table);
    if changes.is_empty() && !table.needs_repair {
        return Ok(Done::Skipped(
            "there is no room behind the last partition".into(),
        ));
    }
    if changes.is_empty() {
        sfdisk(&disk, RELOCATE, b"")?;
    }
    for change in &changes {
        // Changing a partition also repairs the table and moves its backup to the end.
        let number = change.number.to_string();
        let line = format!(", {}\n", change.size);
        sfdisk(&disk, &["-N", &number], line.as_bytes())?;
    }
    reread(&disk)?;
    let after = Table::read(&disk)?;
    changes
        .iter()
        .try_for_each(|change| change.confirm(&disk, after.as_ref()))?;
    context.table = after;
    Ok(Done::Yes)
}

/// Writes a GPT anew whose primary table is broken: without it the kernel shows no partition.
///
/// # Errors
/// When `sfdisk` fails.
pub fn restore(disk: &Path) -> Result<()> {
    sfdisk(disk, RELOCATE, b"")?;
    reread(disk)
}

/// A partition and the sectors that it shall have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    number: u32,
    size: u64,
}

impl Change {
    /// Trusts no exit code: table and kernel must have the partition as it was asked to be.
    fn confirm(&self, disk: &Path, table: Option<&Table>) -> Result<()> {
        let Change { number, size } = self;
        let entry = table.and_then(|table| Some((table.partition(*number)?, table.sector_size)));
        let Some((entry, sector_size)) = entry.filter(|(entry, _)| entry.size == *size) else {
            return Err(Error::image(format!(
                "growing partition {number} of the image to {size} sectors had no effect"
            )));
        };
        let node = device::partition(disk, *number);
        // The kernel shows nothing but the first kilobyte of an extended partition.
        if entry.is_extended() || !node.exists() {
            return Ok(());
        }
        if device::size(&node)? / sector_size == *size {
            return Ok(());
        }
        Err(Error::image(format!(
            "the kernel did not take over the new size of {}",
            node.display()
        )))
    }
}

/// The partitions to grow, an extended one before the logical one in it. Nothing lies behind
/// them, so they grow over nothing.
fn changes(table: &Table) -> Vec<Change> {
    let unit = (ALIGNMENT / table.sector_size).max(1);
    let end = table.end - table.end % unit;
    let to = |entry: &Partition| {
        (end > entry.end()).then(|| Change {
            number: entry.number,
            size: end.saturating_sub(entry.start),
        })
    };
    let Some(last) = table.last() else {
        return Vec::new();
    };
    last.extended
        .and_then(to)
        .into_iter()
        .chain(to(last.partition))
        .collect()
}

/// Changes the table on the disk alone: before it tells the kernel, `sfdisk` would sleep for a
/// quarter of a second.
fn sfdisk(disk: &Path, arguments: &[&str], input: &[u8]) -> Result<()> {
    let quick = &["--quiet", "--no-reread", "--no-tell-kernel"];
    let arguments = [quick, arguments].concat();
    program::tool("sfdisk", &arguments, disk, input)?
        .success()
        .map(drop)
}

/// Tells the kernel, unless the disk is a file.
fn reread(disk: &Path) -> Result<()> {
    if disk.is_file() {
        Ok(())
    } else {
        device::reread_table(disk)
    }
}

#[cfg(test)]
#[path = "fix_partition_table_tests.rs"]
mod tests;
