//! FixPartitionTable: fits the partition table to the disk and grows the last partition.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::path::Path;

use snf_image_protocol::{OsFamily, Swap, Task};

use crate::disk::bytes::{random_uuid, uuid_text};
use crate::disk::device;
use crate::disk::layout::{ALIGNMENT, Change, Place, Tail, applied, plan};
use crate::disk::probe::{self, Kind};
use crate::disk::swap::{Header, State};
use crate::disk::table::{Label, Partition, Table};
use crate::error::{Error, Result};
use crate::run::context::{Context, Done};
use crate::run::program;

/// Writes both tables of a GPT, the backup to the end of the disk.
const RELOCATE: &[&str] = &["--relocate", "gpt-bak-std"];
/// Changes the table alone: before it tells the kernel, `sfdisk` would sleep for a quarter of a
/// second.
const QUICK: &[&str] = &["--quiet", "--no-reread", "--no-tell-kernel"];
/// The name of a new partition for swap space, in a GPT.
const SWAP_NAME: &str = "swap";

/// Fits the table of the first disk to its size.
///
/// # Errors
/// When a partition for swap space is asked for that has no room, or `sfdisk` fails.
pub fn run(context: &mut Context<'_>) -> Result<Done> {
    let disk = context.first_disk()?.to_path_buf();
    let wanted = wanted_swap(context)?;
    let Some(table) = context.table.clone() else {
        if let Some((number, size_mib)) = wanted {
            return Err(Error::image(format!(
                "property SWAP={number}:{size_mib}: the image has no partition table: name \
                 another disk by its letter"
            )));
        }
        return Ok(Done::Skipped("the image has no partition table".into()));
    };
    if matches!(context.os_family, OsFamily::OpenBsd | OsFamily::NetBsd) {
        return Ok(Done::Skipped(
            "the disk label of a BSD system is left as it is".into(),
        ));
    }
    let beyond = table.unreachable.saturating_mul(table.sector_size);
    if beyond >= ALIGNMENT {
        context.reporter.warning(&format!(
            "the image has a master boot record, whose numbers end at {} sectors: the last {} MiB \
             of the disk stay unused",
            table.end,
            beyond / ALIGNMENT
        ));
    }
    let Behind {
        tail,
        header,
        mut obstacle,
    } = behind(context, &disk, &table, wanted)?;
    let mut changes = plan(&table, &tail)?;
    if let Some(reason) = filled(&disk, &table)? {
        changes.retain(|change| !grows_last(&table, &tail, change));
        obstacle = Some(reason);
    } else if tail == Tail::MovableSwap && changes.is_empty() {
        obstacle = table.last().map(|last| {
            format!(
                "the swap space of partition {} of the image, which lies last, cannot be moved: the \
                 numbers of other partitions would change",
                last.partition.number
            )
        });
    }
    let obstacle = obstacle.filter(|_| has_room(&table));
    if let Some(reason) = &obstacle {
        context.reporter.warning(&format!(
            "{reason}: nothing before it grows; make an image whose root lies last"
        ));
    }
    if changes.is_empty() && !table.needs_repair {
        let reason = obstacle.or_else(|| table.obstacle());
        return Ok(Done::Skipped(reason.unwrap_or_else(|| {
            "there is no room behind the last partition".into()
        })));
    }
    if changes.is_empty() {
        sfdisk(&disk, RELOCATE, b"")?;
    }
    changes.iter().try_for_each(|change| make(&disk, change))?;
    reread(&disk)?;
    let after = Table::read(&disk)?;
    confirm(&disk, after.as_ref(), &applied(&table, &changes))?;
    if let (Some(header), Some(after)) = (header, &after) {
        restore_swap(context, &disk, &table, after, &header)?;
    }
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

/// The number and size of the partition that the property SWAP asks for. A disk that is only
/// grown has it already.
fn wanted_swap(context: &Context<'_>) -> Result<Option<(u32, u64)>> {
    let only = context.parameters.only.as_ref();
    if only.is_some_and(|only| !only.contains(&Task::AddSwap)) {
        return Ok(None);
    }
    match context.parameters.properties.swap()? {
        Some(Swap::Partition { number, size_mib }) if context.os_family == OsFamily::Linux => {
            Ok(Some((number, size_mib)))
        }
        _ => Ok(None),
    }
}

/// What comes behind the partition that grows.
struct Behind {
    tail: Tail,
    /// The header of swap space that may move.
    header: Option<Header>,
    /// What is in the way.
    obstacle: Option<String>,
}

impl From<Tail> for Behind {
    fn from(tail: Tail) -> Self {
        Behind {
            tail,
            header: None,
            obstacle: None,
        }
    }
}

/// Whether the disk has room behind all partitions.
fn has_room(table: &Table) -> bool {
    let ends = table.partitions.iter().map(Partition::end);
    let room = table.end.saturating_sub(ends.max().unwrap_or_default());
    // Less is not to be had: partitions end at multiples of it, and a logical one has a record.
    room >= table.unit().saturating_mul(2)
}

/// Why nothing is gained when the last partition grows: its content stays as it is. What is not
/// known may grow by itself in the running machine.
fn filled(disk: &Path, table: &Table) -> Result<Option<String>> {
    let growing = table.growing();
    let Some(entry) = growing
        .filter(|growing| table.last() == Some(*growing))
        .map(|growing| growing.partition)
    else {
        return Ok(None);
    };
    let number = entry.number;
    if entry.is_for_firmware() {
        return Ok(Some(format!(
            "partition {number} of the image, which lies last, is read by firmware and does not grow"
        )));
    }
    let found = probe::read_at(disk, table.region(disk, entry).offset)?;
    Ok(found.filter(|found| found.kind == Kind::Vfat).map(|found| {
        format!(
            "partition {number} of the image, which lies last, holds {}, which does not grow",
            found.kind
        )
    }))
}

/// Whether a change only makes the last partition larger, or the extended one for its sake.
fn grows_last(table: &Table, tail: &Tail, change: &Change) -> bool {
    let (Change::Grow(place), Some(last)) = (change, table.last()) else {
        return false;
    };
    let takes_new = |extended: &Partition| {
        let is_logical = |number: u32| table.label == Label::Mbr && number > 4;
        extended.number == place.number
            && matches!(tail, Tail::NewSwap { number, .. } if is_logical(*number))
    };
    place.number == last.partition.number
        || last
            .extended
            .is_some_and(|extended| extended.number == place.number && !takes_new(extended))
}

/// Finds out what comes behind the partition that grows.
fn behind(
    context: &mut Context<'_>,
    disk: &Path,
    table: &Table,
    wanted: Option<(u32, u64)>,
) -> Result<Behind> {
    if let Some((number, size_mib)) = wanted {
        let there = table.partition(number).filter(|entry| entry.is_swap());
        // A disk that was deployed before has it already.
        let is_there = there.is_some_and(|entry| entry.size / table.unit() == size_mib);
        if !is_there {
            let uuid = uuid_text(&random_uuid(&mut context.random));
            let tail = Tail::NewSwap {
                number,
                size_mib,
                uuid,
            };
            return Ok(tail.into());
        }
    }
    let Some(last) = table.last().filter(|last| last.partition.is_swap()) else {
        return Ok(Tail::AsItIs.into());
    };
    let before = table.growing().map(|growing| growing.partition);
    let can_grow = match before {
        Some(entry) => probe::read_at(disk, table.region(disk, entry).offset)?
            .is_some_and(|found| found.kind.can_grow()),
        None => false,
    };
    if !can_grow {
        return Ok(Tail::AsItIs.into());
    }
    let number = last.partition.number;
    let stays = |reason: String| Behind {
        obstacle: Some(reason),
        ..Tail::AsItIs.into()
    };
    Ok(match table.region(disk, last.partition).state()? {
        State::Swap(header) => Behind {
            header: Some(header),
            ..Tail::MovableSwap.into()
        },
        State::Hibernated => stays(format!(
            "a hibernated system lies in the swap space of partition {number} of the image, which is \
             not moved"
        )),
        State::None => stays(format!(
            "partition {number} of the image, which lies last, is for swap space and holds none that \
             is known, such as what /etc/crypttab makes at each start: it is not moved"
        )),
    })
}

/// Makes swap space where it has moved to, under the names by which it was known.
fn restore_swap(
    context: &mut Context<'_>,
    disk: &Path,
    before: &Table,
    after: &Table,
    header: &Header,
) -> Result<()> {
    let number = before.last().map(|last| last.partition.number);
    let place = |table: &Table| number.and_then(|number| table.partition(number).cloned());
    let (Some(old), Some(new)) = (place(before), place(after)) else {
        return Ok(());
    };
    if old.start == new.start {
        return Ok(());
    }
    after.region(disk, &new).format(header)?;
    context.reporter.notice(&format!(
        "the swap space of partition {} was in the way: it was moved to the end of the disk",
        new.number
    ));
    Ok(())
}

/// Makes one change. Changing a GPT also repairs it and moves its backup to the end.
fn make(disk: &Path, change: &Change) -> Result<()> {
    match change {
        Change::Grow(Place { number, size, .. }) => {
            let line = format!(", {size}\n");
            sfdisk(disk, &["-N", &number.to_string()], line.as_bytes())
        }
        Change::Move(Place {
            number,
            start,
            size,
        }) => {
            let line = format!("{start}, {size}\n");
            sfdisk(disk, &["-N", &number.to_string()], line.as_bytes())
        }
        Change::Remove(number) => {
            let number = number.to_string();
            let mut arguments: Vec<&OsStr> = QUICK.iter().map(OsStr::new).collect();
            arguments.extend([OsStr::new("--delete"), disk.as_os_str(), number.as_ref()]);
            program::command("sfdisk", &arguments, b"")?
                .success()
                .map(drop)
        }
        Change::Add(place, kind, uuid) => {
            let Place {
                number,
                start,
                size,
            } = place;
            let mut line = format!("{number} : start={start}, size={size}, type={kind}");
            if let Some(uuid) = uuid {
                line.push_str(&format!(", uuid={uuid}, name={SWAP_NAME}"));
            }
            line.push('\n');
            sfdisk(disk, &["--append"], line.as_bytes())
        }
    }
}

/// Trusts no exit code: the table must be as it was planned, and the kernel must know it.
fn confirm(disk: &Path, table: Option<&Table>, planned: &[Partition]) -> Result<()> {
    for wanted in planned {
        let number = wanted.number;
        let entry = table.and_then(|table| table.partition(number));
        let is_as_planned = |entry: &&Partition| {
            // A master boot record gives the names itself.
            let has_name = wanted.name.is_none() || wanted.name == entry.name;
            let has_uuid = wanted.part_uuid.is_empty() || wanted.part_uuid == entry.part_uuid;
            (entry.start, entry.size, &entry.kind) == (wanted.start, wanted.size, &wanted.kind)
                && has_name
                && has_uuid
        };
        let Some(entry) = entry.filter(is_as_planned) else {
            return Err(Error::image(format!(
                "changing the partition table of the image had not the effect that partition \
                 {number} has {} sectors from sector {} on",
                wanted.size, wanted.start
            )));
        };
        let node = device::partition(disk, number);
        // The kernel shows nothing but the first kilobyte of an extended partition.
        if entry.is_extended() || !node.exists() {
            continue;
        }
        let sector_size = table.map_or(512, |table| table.sector_size);
        if device::size(&node)? / sector_size != entry.size {
            return Err(Error::image(format!(
                "the kernel did not take over the new size of {}",
                node.display()
            )));
        }
    }
    Ok(())
}

fn sfdisk(disk: &Path, arguments: &[&str], input: &[u8]) -> Result<()> {
    let arguments = [QUICK, arguments].concat();
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
