//! FixPartitionTable: fits the partition table to the disk and grows the last partition.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use snf_image_protocol::OsFamily;

use crate::disk::device;
use crate::disk::gpt::Header;
use crate::disk::table::{Label, Partition, Table};
use crate::error::{Error, Result};
use crate::run::context::{Context, Done};
use crate::run::program;

/// Partitions end where disks like them to end, in bytes.
const ALIGNMENT: u64 = 1 << 20;
/// The sectors that an MBR can count.
const MBR_SECTORS: u64 = (1 << 32) - 1;

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
        return Ok(Done::Skipped("the disk label of a BSD system is left as it is".into()));
    }
    let geometry = Geometry::read(&disk, table)?;
    let changes = changes(table, geometry);
    if changes.is_empty() && !geometry.misplaced && !table.damaged {
        return Ok(Done::Skipped("there is no room behind the last partition".into()));
    }
    if changes.is_empty() {
        sfdisk(&disk, &["--relocate", "gpt-bak-std"], b"")?;
    }
    for change in &changes {
        // Changing a partition also moves the backup GPT to the end of the disk.
        let number = change.number.to_string();
        let line = format!(", {}\n", change.size);
        sfdisk(&disk, &["-N", &number], line.as_bytes())?;
    }
    context.table = Table::read(&disk)?;
    confirm(context.table.as_ref(), &changes)
}

/// What the disk offers to the table.
#[derive(Debug, Clone, Copy)]
struct Geometry {
    /// The sector behind the last one that a partition may take.
    end: u64,
    /// Whether the backup GPT lies elsewhere than at the end of the disk.
    misplaced: bool,
}

impl Geometry {
    fn read(disk: &Path, table: &Table) -> Result<Geometry> {
        let sectors = device::size(disk)? / table.sector_size;
        if table.label == Label::Mbr {
            return Ok(Geometry {
                end: sectors.min(MBR_SECTORS),
                misplaced: false,
            });
        }
        let head = device::head(disk, table.sector_size.saturating_mul(2))?;
        let header = Header::parse(&head, table.sector_size);
        let backup = header.map_or(33, |header| header.backup_sectors(table.sector_size));
        Ok(Geometry {
            end: sectors.saturating_sub(backup),
            misplaced: header.is_none_or(|header| header.alternate.saturating_add(1) != sectors),
        })
    }
}

/// A partition and the sectors that it shall have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    number: u32,
    size: u64,
}

/// The partitions to grow, an extended one before the logical one in it. Nothing lies behind
/// them, so they grow over nothing.
fn changes(table: &Table, geometry: Geometry) -> Vec<Change> {
    let unit = (ALIGNMENT / table.sector_size).max(1);
    let end = geometry.end - geometry.end % unit;
    let to = |entry: &Partition| {
        (end > entry.end()).then(|| Change {
            number: entry.number,
            size: end.saturating_sub(entry.start),
        })
    };
    let Some(last) = table.last() else {
        return Vec::new();
    };
    last.extended.and_then(to).into_iter().chain(to(last.partition)).collect()
}

fn sfdisk(disk: &Path, arguments: &[&str], input: &[u8]) -> Result<()> {
    let arguments = [&["--quiet"], arguments].concat();
    program::tool("sfdisk", &arguments, disk, input)?.success().map(drop)
}

/// Trusts no exit code: the table must now be as it was asked to be.
fn confirm(table: Option<&Table>, changes: &[Change]) -> Result<Done> {
    let grown = |change: &Change| {
        table
            .and_then(|table| table.partition(change.number))
            .is_some_and(|entry| entry.size == change.size)
    };
    match changes.iter().find(|change| !grown(change)) {
        None => Ok(Done::Yes),
        Some(change) => Err(Error::image(format!(
            "growing partition {} of the image to {} sectors had no effect",
            change.number, change.size
        ))),
    }
}

#[cfg(test)]
#[path = "fix_partition_table_tests.rs"]
mod tests;
