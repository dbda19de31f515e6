//! The partition table of a disk, and which partition may grow in it.
//!
//! It is read here, within bounds, because starting `sfdisk` only to read takes a tenth of a
//! second in a machine without hardware virtualisation. What changes a table is `sfdisk`.
// SPDX-License-Identifier: BSD-2-Clause

use std::cmp::Reverse;
use std::fs::File;
use std::path::Path;

use rustix::fs::ioctl_blksszget;

use crate::disk::gpt::Gpt;
use crate::disk::layout::ALIGNMENT;
use crate::disk::mbr::Mbr;
use crate::disk::swap::Region;
use crate::disk::{device, probe};
use crate::error::{Doing, Error, Result};

/// Room for the first sectors, headers included, whichever size a sector has.
const HEAD: u64 = 16 << 10;
/// The sectors that a master boot record can count.
const MBR_SECTORS: u64 = (1 << 32) - 1;
/// The type of a partition for swap space in a master boot record.
pub const SWAP_MBR: &str = "82";
/// The same in a GPT (Discoverable Partitions Specification, UAPI Group).
pub const SWAP_GPT: &str = "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F";
/// The types of what firmware reads: the EFI system partition in an MBR and in a GPT (UEFI 2.10, 5),
/// the BIOS boot partition of GRUB, and that of PowerPC (CHRP).
const FIRMWARE: [&str; 5] = [
    "EF",
    "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
    "21686148-6449-6E6F-744E-656564454649",
    "41",
    "9E1A2D38-C612-4316-AA26-8B49521E5A8B",
];
/// The type of a recovery partition of Windows, in an MBR (Microsoft, "BIOS/MBR-based hard drive
/// partitions").
const RECOVERY_MBR: &str = "27";
/// The same in a GPT (Microsoft, "PARTITION_INFORMATION_GPT").
const RECOVERY_GPT: &str = "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC";

/// The two kinds of partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// The master boot record, with logical partitions in an extended one.
    Mbr,
    /// The GUID partition table of UEFI.
    Gpt,
}

/// A partition table. All positions are in sectors of `sector_size`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its kind.
    pub label: Label,
    /// Bytes in a sector.
    pub sector_size: u64,
    /// The partitions in the order of the table.
    pub partitions: Vec<Partition>,
    /// The sector behind the last one that a partition may take on this disk.
    pub end: u64,
    /// Sectors of the disk that the table has no numbers for.
    pub unreachable: u64,
    /// Whether the table does not fit the disk: the backup of a GPT lies elsewhere than at
    /// its end, or only the backup was good.
    pub needs_repair: bool,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its number.
    pub number: u32,
    /// Its first sector.
    pub start: u64,
    /// How many sectors it has.
    pub size: u64,
    /// Its type in upper case: two hexadecimal digits, or a GUID.
    pub kind: String,
    /// What `PARTUUID=` calls it, in lower case.
    pub part_uuid: String,
    /// What `PARTLABEL=` calls it.
    pub name: Option<String>,
    /// The attribute bits of a GPT entry; none in a master boot record.
    pub attributes: u64,
}

impl Partition {
    /// The sector behind its last one.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.size)
    }

    /// Whether it is the extended partition that holds logical ones.
    #[must_use]
    pub fn is_extended(&self) -> bool {
        matches!(self.kind.as_str(), "05" | "0F" | "85")
    }

    /// Whether Windows keeps there what repairs it, and finds it by its place on the disk.
    #[must_use]
    pub fn is_recovery(&self) -> bool {
        self.kind == RECOVERY_MBR || self.kind == RECOVERY_GPT
    }

    /// Whether firmware reads it, by its type: nothing in it has use of a larger one.
    #[must_use]
    pub fn is_for_firmware(&self) -> bool {
        FIRMWARE.contains(&self.kind.as_str())
    }

    /// Whether it is meant for swap space.
    #[must_use]
    pub fn is_swap(&self) -> bool {
        self.kind == SWAP_MBR || self.kind == SWAP_GPT
    }
}

/// A partition at the end of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last<'table> {
    /// The partition itself.
    pub partition: &'table Partition,
    /// The extended partition around it, which must grow first if it grows.
    pub extended: Option<&'table Partition>,
}

impl Table {
    /// Reads the table of a disk. `None`: it has none.
    ///
    /// # Errors
    /// When there is one that is damaged or does not fit the disk.
    pub fn read(disk: &Path) -> Result<Option<Table>> {
        let head = device::head(disk, HEAD)?;
        if probe::is_boot_sector_of_file_system(&head) {
            return Ok(None);
        }
        let size = device::size(disk)?;
        let file = File::open(disk).doing(|| format!("opening {}", disk.display()))?;
        // A file has no sectors; what is made for it has the usual ones.
        let sector_size = ioctl_blksszget(&file).map_or(512, u64::from).max(512);
        let sectors = size / sector_size;
        let mbr = Mbr::read(&file, sector_size)
            .map_err(|error| Error::image(format!("the partition table of the image: {error}")))?;
        let table = match mbr {
            None if gpt_sector_size(&head).is_some() => {
                return Err(corrupt_gpt(&head, sector_size));
            }
            None => return Ok(None),
            Some(mbr) if mbr.is_protective => {
                let gpt = Gpt::read(&file, sector_size, sectors);
                let gpt = gpt.ok_or_else(|| corrupt_gpt(&head, sector_size))?;
                Table {
                    label: Label::Gpt,
                    sector_size,
                    end: gpt.end(sectors),
                    unreachable: 0,
                    needs_repair: gpt.damaged || gpt.is_misplaced(sectors),
                    partitions: gpt.partitions,
                }
            }
            Some(mbr) => Table {
                label: Label::Mbr,
                sector_size,
                end: sectors.min(MBR_SECTORS),
                unreachable: sectors.saturating_sub(MBR_SECTORS),
                needs_repair: false,
                partitions: mbr.partitions,
            },
        };
        table.check(sectors)?;
        Ok((!table.partitions.is_empty()).then_some(table))
    }

    /// Refuses partitions that reach beyond the disk.
    fn check(&self, sectors: u64) -> Result<()> {
        match self.partitions.iter().find(|entry| entry.end() > sectors) {
            None => Ok(()),
            Some(beyond) => Err(Error::image(format!(
                "partition {} of the image ends at sector {}, but the disk has only {sectors} \
                 sectors: the image is incomplete",
                beyond.number,
                beyond.end()
            ))),
        }
    }

    /// The partition of a number.
    #[must_use]
    pub fn partition(&self, number: u32) -> Option<&Partition> {
        self.partitions.iter().find(|entry| entry.number == number)
    }

    /// The partition that ends last on the disk, whatever its number: the only one with room
    /// behind it. An extended partition stands for the last logical one in it. `None`: there is
    /// no partition, or the last one is an extended one that is empty.
    #[must_use]
    pub fn last(&self) -> Option<Last<'_>> {
        let last_of = |logicals: bool| {
            self.partitions
                .iter()
                .filter(move |entry| self.is_logical(entry) == logicals)
                .max_by_key(|entry| entry.end())
        };
        let last = last_of(false)?;
        if self.label == Label::Gpt || !last.is_extended() {
            return Some(Last {
                partition: last,
                extended: None,
            });
        }
        last_of(true).map(|partition| Last {
            partition,
            extended: Some(last),
        })
    }

    /// The partition whose content may grow: the one that ends last on the disk, partitions for
    /// swap space behind it passed over. `None`: there is none, or an empty extended
    /// partition or a recovery partition lies behind all others.
    #[must_use]
    pub fn growing(&self) -> Option<Last<'_>> {
        let mut outer: Vec<_> = self
            .partitions
            .iter()
            .filter(|entry| !self.is_logical(entry))
            .collect();
        outer.sort_by_key(|entry| Reverse(entry.end()));
        for entry in outer {
            if !entry.is_extended() || self.label == Label::Gpt {
                if entry.is_recovery() {
                    return None;
                }
                if !entry.is_swap() {
                    return Some(Last {
                        partition: entry,
                        extended: None,
                    });
                }
                continue;
            }
            let logical = || {
                self.partitions
                    .iter()
                    .filter(|entry| self.is_logical(entry))
            };
            logical().next()?;
            let last = logical()
                .filter(|entry| !entry.is_swap())
                .max_by_key(|entry| entry.end());
            if let Some(partition) = last {
                return Some(Last {
                    partition,
                    extended: Some(entry),
                });
            }
        }
        None
    }

    /// What keeps everything from growing although the disk has room, if something does.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        let last = self.last().filter(|last| last.partition.is_recovery())?;
        Some(format!(
            "partition {} of the image, which lies last, is the recovery partition of Windows, and \
             that is not moved: nothing before it grows; make an image without it, or with it \
             before the system (reagentc /disable, then remove it)",
            last.partition.number
        ))
    }

    /// Where a partition lies on its disk.
    #[must_use]
    pub fn region(&self, disk: &Path, entry: &Partition) -> Region {
        Region {
            disk: disk.into(),
            offset: entry.start.saturating_mul(self.sector_size),
            length: entry.size.saturating_mul(self.sector_size),
        }
    }

    /// Sectors in [`ALIGNMENT`].
    #[must_use]
    pub fn unit(&self) -> u64 {
        (ALIGNMENT / self.sector_size).max(1)
    }

    /// Whether it is a logical partition of a master boot record.
    #[must_use]
    pub fn is_logical(&self, entry: &Partition) -> bool {
        self.label == Label::Mbr && entry.number > 4
    }

    /// The numbers of all partitions, for a message.
    #[must_use]
    pub fn numbers(&self) -> String {
        let numbers: Vec<_> = self
            .partitions
            .iter()
            .map(|entry| entry.number.to_string())
            .collect();
        numbers.join(", ")
    }
}

/// The size of the sectors for which the GPT at the start of a disk was made.
fn gpt_sector_size(head: &[u8]) -> Option<u64> {
    let is_there = |size: &usize| {
        head.get(*size..)
            .is_some_and(|rest| rest.starts_with(b"EFI PART"))
    };
    [512, 4096]
        .into_iter()
        .find(is_there)
        .and_then(|size| u64::try_from(size).ok())
}

fn corrupt_gpt(head: &[u8], sector_size: u64) -> Error {
    match gpt_sector_size(head) {
        Some(other) if other != sector_size => Error::image(format!(
            "the GPT of the image is made for sectors of {other} bytes, but those of the disk \
             have {sector_size}"
        )),
        _ => Error::image(
            "corrupt GPT: neither the table at the start of the image nor the backup at the end \
             of the disk is good: the image is damaged or incomplete",
        ),
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
