//! The partition table of a disk, as `sfdisk --json` tells it, and what may be grown in it.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use serde::Deserialize;

use crate::disk::gpt::Header;
use crate::disk::{device, probe};
use crate::error::{Error, Result};
use crate::run::program;

/// Room for the first sectors, headers included, whichever size a sector has.
const HEAD: u64 = 16 << 10;
/// The most partitions that a table may have here: twice what GPT tables come with.
const MAX_PARTITIONS: usize = 256;
/// The type of the one entry of a protective MBR.
const PROTECTIVE: &str = "EE";

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
    /// Whether the primary GPT is broken and only the backup was good.
    pub damaged: bool,
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
}

/// The partition that may grow, because nothing lies behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last<'table> {
    /// The partition itself.
    pub partition: &'table Partition,
    /// The extended partition around it, which must grow first.
    pub extended: Option<&'table Partition>,
}

impl Table {
    /// Reads the table of a disk. `None`: it has none.
    ///
    /// # Errors
    /// When there is one that is damaged, of an unknown kind or does not fit the disk.
    pub fn read(disk: &Path) -> Result<Option<Table>> {
        let head = device::head(disk, HEAD)?;
        let boot_signature = head.get(510..512) == Some(&[0x55, 0xaa]);
        let gpt = Header::is_there(&head);
        if !boot_signature && !gpt || probe::is_boot_sector_of_file_system(&head) {
            return Ok(None);
        }
        let output = program::tool("sfdisk", &["--json"], disk, &[])?;
        let stderr = output.stderr();
        if output.code() != Some(0) {
            if gpt {
                return Err(corrupt_gpt());
            }
            return Err(Error::image(format!(
                "the partition table of the image cannot be read: {}",
                stderr.last().map_or("sfdisk gives no reason", String::as_str)
            )));
        }
        let mut table = Table::parse(&output.success()?, &disk.to_string_lossy())?;
        table.damaged = stderr.iter().any(|line| line.contains("corrupt"));
        table.check(device::size(disk)?)?;
        Ok((!table.partitions.is_empty()).then_some(table))
    }

    /// Reads what `sfdisk --json` wrote about a device.
    ///
    /// # Errors
    /// When it is not as documented in sfdisk(8) or is beyond all bounds.
    pub fn parse(json: &[u8], device: &str) -> Result<Table> {
        let text = String::from_utf8_lossy(json);
        let Document { partitiontable } = serde_json::from_str(&text)
            .map_err(|error| strange(&format!("it is not the JSON expected: {error}")))?;
        let label = match partitiontable.label.as_str() {
            "dos" => Label::Mbr,
            "gpt" => Label::Gpt,
            other => {
                return Err(Error::image(format!(
                    "the image has a partition table of type {other}: only GPT and MBR are known"
                )));
            }
        };
        if partitiontable.partitions.len() > MAX_PARTITIONS {
            return Err(strange("it has more than 256 partitions"));
        }
        let id = partitiontable.id.trim_start_matches("0x").to_ascii_lowercase();
        let partitions = partitiontable.partitions.into_iter();
        let table = Table {
            label,
            sector_size: partitiontable.sectorsize,
            partitions: partitions
                .map(|entry| entry.into_partition(label, &id, device))
                .collect::<Result<_>>()?,
            damaged: false,
        };
        if !table.sector_size.is_power_of_two() || !(512..=4096).contains(&table.sector_size) {
            return Err(strange("its sectors are neither 512 nor 4096 bytes long"));
        }
        Ok(table)
    }

    /// Refuses a table whose GPT is lost and partitions that reach beyond the disk.
    fn check(&self, disk_size: u64) -> Result<()> {
        let protective = self.partitions.iter().any(|entry| entry.kind == PROTECTIVE);
        if self.label == Label::Mbr && protective {
            return Err(corrupt_gpt());
        }
        let sectors = disk_size / self.sector_size;
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

    /// The partition that ends last on the disk, whatever its number: the only one that may
    /// grow. An extended partition stands for the last logical one in it. `None`: there is
    /// no partition, or the last one is an extended one that is empty.
    #[must_use]
    pub fn last(&self) -> Option<Last<'_>> {
        let logical = |entry: &&Partition| self.label == Label::Mbr && entry.number > 4;
        let last_of = |logicals: bool| {
            self.partitions
                .iter()
                .filter(move |entry| logical(entry) == logicals)
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

    /// The numbers of all partitions, for a message.
    #[must_use]
    pub fn numbers(&self) -> String {
        let numbers: Vec<_> = self.partitions.iter().map(|entry| entry.number.to_string()).collect();
        numbers.join(", ")
    }
}

#[derive(Deserialize)]
struct Document {
    partitiontable: RawTable,
}

#[derive(Deserialize)]
struct RawTable {
    label: String,
    #[serde(default)]
    id: String,
    #[serde(default = "usual_sector")]
    sectorsize: u64,
    #[serde(default)]
    partitions: Vec<RawPartition>,
}

#[derive(Deserialize)]
struct RawPartition {
    node: String,
    start: u64,
    size: u64,
    #[serde(rename = "type")]
    kind: String,
    uuid: Option<String>,
    name: Option<String>,
}

impl RawPartition {
    fn into_partition(self, label: Label, disk_id: &str, device: &str) -> Result<Partition> {
        let number = self
            .node
            .strip_prefix(device)
            .map(|rest| rest.trim_start_matches('p'))
            .and_then(|digits| digits.parse().ok())
            .filter(|number| *number > 0)
            .ok_or_else(|| strange(&format!("it calls a partition {:?}", self.node)))?;
        if self.start.checked_add(self.size).is_none() {
            return Err(strange(&format!("partition {number} has no end")));
        }
        Ok(Partition {
            number,
            start: self.start,
            size: self.size,
            kind: format!("{:0>2}", self.kind.to_ascii_uppercase()),
            part_uuid: match label {
                Label::Mbr => format!("{disk_id:0>8}-{number:02x}"),
                Label::Gpt => self.uuid.unwrap_or_default().to_ascii_lowercase(),
            },
            name: self.name,
        })
    }
}

/// Older releases of `sfdisk` do not give the size of a sector.
fn usual_sector() -> u64 {
    512
}

fn corrupt_gpt() -> Error {
    Error::image(
        "corrupt GPT: neither the header at the start of the image nor a backup at the end of \
         the disk is good: the image is damaged or incomplete",
    )
}

fn strange(what: &str) -> Error {
    Error::image(format!("the partition table of the image is not valid: {what}"))
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
