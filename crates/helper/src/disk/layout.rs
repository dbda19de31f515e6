//! Plans which partitions grow, move and come new on a disk, as a pure function of its table.
// SPDX-License-Identifier: BSD-2-Clause

use crate::disk::table::{Label, Last, Partition, SWAP_GPT, SWAP_MBR, Table};
use crate::error::{Error, Result};

/// Partitions begin and end where disks like them to, in bytes.
pub const ALIGNMENT: u64 = 1 << 20;
/// The type of a new extended partition: the one whose numbers are not cylinders.
const EXTENDED: &str = "0F";
/// The numbers of an MBR's own four entries.
const PRIMARIES: std::ops::RangeInclusive<u32> = 1..=4;

/// What comes behind the partition that grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tail {
    /// Nothing but what lies there.
    AsItIs,
    /// The partition for swap space that lies last may move to the end of the disk.
    MovableSwap,
    /// A new partition for swap space.
    NewSwap {
        /// Its number.
        number: u32,
        /// Its size in MiB.
        size_mib: u64,
        /// Its own GUID, in a GPT.
        uuid: String,
    },
}

/// Where a partition lies, in sectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub number: u32,
    /// Its first sector.
    pub start: u64,
    /// How many it has.
    pub size: u64,
}

/// One step from the table as it is to the table as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A partition ends later.
    Grow(Place),
    /// A partition lies elsewhere; logical ones in it are gone.
    Move(Place),
    /// A partition is there no more.
    Remove(u32),
    /// A partition comes new: its place, its type and, where it is given one, its GUID.
    Add(Place, String, Option<String>),
}

/// The steps that make the most of the disk, in their order: never over anything that is there.
///
/// # Errors
/// When the new partition has no room or no number.
pub fn plan(table: &Table, tail: &Tail) -> Result<Vec<Change>> {
    let unit = table.unit();
    let planner = Planner {
        table,
        unit,
        end: table.end - table.end % unit,
    };
    match tail {
        Tail::AsItIs => Ok(planner.grow_to(planner.end, planner.end)),
        Tail::MovableSwap => Ok(planner.move_swap().unwrap_or_default()),
        Tail::NewSwap {
            number,
            size_mib,
            uuid,
        } => planner
            .add_swap(*number, *size_mib, uuid)
            .map_err(|why| Error::image(format!("property SWAP={number}:{size_mib}: {why}"))),
    }
}

/// The partitions after these steps, those that have come new at the end.
#[must_use]
pub fn applied(table: &Table, changes: &[Change]) -> Vec<Partition> {
    let mut partitions = table.partitions.clone();
    for change in changes {
        match change {
            Change::Grow(place) | Change::Move(place) => {
                if let Some(entry) = partitions
                    .iter_mut()
                    .find(|entry| entry.number == place.number)
                {
                    (entry.start, entry.size) = (place.start, place.size);
                    if entry.is_extended() && matches!(change, Change::Move(_)) {
                        partitions.retain(|entry| !table.is_logical(entry));
                    }
                }
            }
            Change::Remove(number) => partitions.retain(|entry| entry.number != *number),
            Change::Add(place, kind, uuid) => partitions.push(Partition {
                number: place.number,
                start: place.start,
                size: place.size,
                kind: kind.clone(),
                part_uuid: uuid.clone().unwrap_or_default(),
                name: None,
                attributes: 0,
            }),
        }
    }
    partitions
}

struct Planner<'table> {
    table: &'table Table,
    /// Sectors in [`ALIGNMENT`].
    unit: u64,
    /// The sector behind the last one that is used.
    end: u64,
}

impl Planner<'_> {
    /// Grows the partition at the end of the disk: to `outer`, or, when it is a logical one, the
    /// extended one around it to `outer` and itself to `inner`.
    fn grow_to(&self, outer: u64, inner: u64) -> Vec<Change> {
        match self.table.last() {
            Some(last) if Some(last) == self.table.growing() => grow(&last, outer, inner),
            _ => Vec::new(),
        }
    }

    /// Moves the swap space that lies last to the end of the disk and grows what lies before it.
    /// `None`: nothing is gained.
    fn move_swap(&self) -> Option<Vec<Change>> {
        let last = self.table.last()?;
        let growing = self.table.growing()?;
        let swap = last.partition;
        let mut alone = self.table.clone();
        alone.partitions.retain(|entry| *entry != *swap);
        let alone_in = last.extended.filter(|_| growing.extended.is_none());
        if let Some(extended) = alone_in {
            alone.partitions.retain(|entry| entry != extended);
        }
        let mut logicals = alone
            .partitions
            .iter()
            .filter(|entry| alone.is_logical(entry));
        // Logical partitions have their numbers from their order.
        let stays = |entry: &Partition| alone_in.is_none() && entry.number < swap.number;
        if alone.last() != Some(growing) || last.extended.is_some() && !logicals.all(stays) {
            return None;
        }
        let start = self.aligned_down(self.end.checked_sub(swap.size)?);
        let link = start.checked_sub(self.unit)?;
        let place = Place {
            number: swap.number,
            start,
            size: swap.size,
        };
        let add = Change::Add(place, swap.kind.clone(), None);
        let (limit, changes) = match (last.extended, growing.extended) {
            (None, _) => {
                let mut changes = vec![Change::Move(place)];
                changes.extend(grow(&growing, start, start));
                (start, changes)
            }
            (Some(_), Some(_)) => {
                let mut changes = vec![Change::Remove(swap.number)];
                changes.extend(grow(&growing, self.end, link));
                changes.push(add);
                (link, changes)
            }
            (Some(extended), None) => {
                let around = Place {
                    number: extended.number,
                    start: link,
                    size: self.unit.checked_add(swap.size)?,
                };
                let mut changes = vec![Change::Move(around), add];
                changes.extend(grow(&growing, link, link));
                (link, changes)
            }
        };
        let is_gained = start > swap.start && limit > growing.partition.end();
        is_gained.then_some(changes)
    }

    fn add_swap(
        &self,
        number: u32,
        size_mib: u64,
        uuid: &str,
    ) -> std::result::Result<Vec<Change>, String> {
        if self.table.partition(number).is_some() {
            return Err(format!("the image has a partition {number} already"));
        }
        let size = size_mib.saturating_mul(self.unit);
        let logical = self.table.label == Label::Mbr && !PRIMARIES.contains(&number);
        let link = if logical { self.unit } else { 0 };
        // What lies behind everything else, the record before a logical partition included.
        let room = self.end.saturating_sub(self.occupied(logical));
        if size.saturating_add(link) > room {
            return Err(format!(
                "only {} MiB are free behind the last partition of the image: give the machine a \
                 larger disk or less swap space",
                room.saturating_sub(link) / self.unit
            ));
        }
        let start = self.end.saturating_sub(size);
        let place = Place {
            number,
            start,
            size,
        };
        if !logical {
            let (kind, uuid) = match self.table.label {
                Label::Gpt => (SWAP_GPT, Some(uuid.to_owned())),
                Label::Mbr => (SWAP_MBR, None),
            };
            let mut changes = self.grow_to(start, start);
            changes.push(Change::Add(place, kind.to_owned(), uuid));
            return Ok(changes);
        }
        self.add_logical(place, start.saturating_sub(link))
    }

    /// Adds a logical partition whose record may lie from `link` on.
    fn add_logical(&self, place: Place, link: u64) -> std::result::Result<Vec<Change>, String> {
        let entries = || self.table.partitions.iter();
        let logicals = entries().filter(|entry| self.table.is_logical(entry));
        let next = 5 + u32::try_from(logicals.count()).unwrap_or(u32::MAX - 5);
        if place.number != next {
            return Err(format!(
                "the next logical partition of the image has the number {next}"
            ));
        }
        let add = Change::Add(place, SWAP_MBR.to_owned(), None);
        let outer = entries().filter(|entry| !self.table.is_logical(entry));
        let last = outer.max_by_key(|entry| entry.end());
        match entries().find(|entry| entry.is_extended()) {
            Some(extended) if Some(extended) == last => {
                let around = Last {
                    partition: extended,
                    extended: None,
                };
                let mut changes = grow(&around, self.end, self.end);
                changes.extend(self.grow_to(extended.end(), link));
                changes.push(add);
                Ok(changes)
            }
            Some(extended) => Err(format!(
                "the extended partition {} of the image does not lie last on the disk",
                extended.number
            )),
            None => {
                let number = PRIMARIES
                    .into_iter()
                    .find(|number| self.table.partition(*number).is_none())
                    .ok_or("the image has four primary partitions")?;
                let around = Place {
                    number,
                    start: link,
                    size: self.end.saturating_sub(link),
                };
                let mut changes = self.grow_to(link, link);
                changes.push(Change::Add(around, EXTENDED.to_owned(), None));
                changes.push(add);
                Ok(changes)
            }
        }
    }

    /// The first aligned sector behind everything: behind all partitions, or, for a `logical`
    /// one in an extended one that lies last, behind all in that.
    fn occupied(&self, logical: bool) -> u64 {
        let ends = self.table.partitions.iter().map(|entry| {
            if logical && entry.is_extended() {
                entry.start
            } else {
                entry.end()
            }
        });
        let behind = ends.max().unwrap_or_default();
        behind
            .checked_next_multiple_of(self.unit)
            .unwrap_or(u64::MAX)
    }

    fn aligned_down(&self, sector: u64) -> u64 {
        sector - sector % self.unit
    }
}

/// Only ever later: a partition that ends behind its limit stays as it is.
fn grow(last: &Last<'_>, outer: u64, inner: u64) -> Vec<Change> {
    let to = |entry: &Partition, end: u64| {
        (end > entry.end()).then(|| {
            Change::Grow(Place {
                number: entry.number,
                start: entry.start,
                size: end.saturating_sub(entry.start),
            })
        })
    };
    let inner = if last.extended.is_some() {
        inner
    } else {
        outer
    };
    last.extended
        .and_then(|extended| to(extended, outer))
        .into_iter()
        .chain(to(last.partition, inner))
        .collect()
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
