//! AddSwap: makes swap space where the property SWAP asks for it, and names it in fstab(5).
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use snf_image_protocol::{OsFamily, Swap};

use crate::disk::bytes::{random_uuid, uuid_text};
use crate::disk::device;
use crate::disk::probe;
use crate::disk::swap::{Header, Region, State};
use crate::disk::table::Table;
use crate::error::{Error, Result};
use crate::guest::fstab;
use crate::guest::root::{Attributes, FILE_LIMIT};
use crate::run::context::{Context, Done};

/// fstab(5).
const FSTAB: &str = "/etc/fstab";
/// As installers make it.
const NEW_FILE: Attributes = Attributes::of_root(0o644);

/// Makes the swap space and adds a line for it. Where it lies already, only the line is added, and
/// only if there is none.
///
/// # Errors
/// When there is no such partition or disk, or the image has no fstab.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let Some(swap) = context.parameters.properties.swap()? else {
        return Ok(Done::Skipped("property SWAP is not given".into()));
    };
    if context.os_family != OsFamily::Linux {
        return Err(Error::image("property SWAP is for Linux images alone"));
    }
    let Some(table) = context.root()?.read(FSTAB, FILE_LIMIT)? else {
        return Err(Error::image(
            "property SWAP: the image has no /etc/fstab to name the swap space in",
        ));
    };
    let region = region(context, swap)?;
    let uuid = match region.state()? {
        // A disk that was deployed before.
        State::Swap(header) if is_named(&table, &header) => return Ok(Done::Yes),
        _ => random_uuid(&mut context.random),
    };
    if let (Swap::Disk { .. }, Some(found)) = (swap, contents(&region.disk)?) {
        context.reporter.warning(&format!(
            "the disk for swap space held {found}, which is gone now"
        ));
    }
    region.format(&Header::new(uuid))?;
    let line = format!("UUID={} none swap sw 0 0\n", uuid_text(&uuid));
    let table = with_line(table, &line);
    context.root()?.rewrite(FSTAB, &table, NEW_FILE)?;
    Ok(Done::Yes)
}

/// The part of a disk that the property means.
fn region(context: &Context<'_>, swap: Swap) -> Result<Region> {
    match swap {
        Swap::Partition { number, .. } => {
            let table = context.table.as_ref();
            let entry = table.and_then(|table| Some((table, table.partition(number)?)));
            let Some((table, entry)) = entry.filter(|(_, entry)| entry.is_swap()) else {
                return Err(Error::image(format!(
                    "property SWAP: partition {number} is not there or not for swap space"
                )));
            };
            Ok(table.region(context.first_disk()?, entry))
        }
        Swap::Disk { index } => {
            let Some(disk) = context.disks.get(index) else {
                return Err(Error::image(format!(
                    "property SWAP: the machine has only {} disks",
                    context.disks.len()
                )));
            };
            Ok(Region {
                disk: disk.clone(),
                offset: 0,
                length: device::size(disk)?,
            })
        }
    }
}

/// What a whole disk holds that is no swap space.
///
/// # Errors
/// When it cannot be read.
pub(super) fn contents(disk: &Path) -> Result<Option<String>> {
    if let Some(found) = probe::read(disk)? {
        return Ok((found.kind != probe::Kind::Swap).then(|| found.kind.to_string()));
    }
    let table = Table::read(disk).ok().flatten();
    Ok(table.map(|_| "a partition table".to_owned()))
}

fn is_named(table: &[u8], header: &Header) -> bool {
    let spec = format!("UUID={}", uuid_text(&header.uuid));
    fstab::parse(table)
        .iter()
        .any(|entry| entry.vfstype == "swap" && entry.spec.eq_ignore_ascii_case(&spec))
}

fn with_line(mut table: Vec<u8>, line: &str) -> Vec<u8> {
    if table.last().is_some_and(|last| *last != b'\n') {
        table.push(b'\n');
    }
    table.extend_from_slice(line.as_bytes());
    table
}

#[cfg(test)]
#[path = "add_swap_tests.rs"]
mod tests;
