//! Draws a new identity for the machine, machine-id(5).
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::MachineId;

use crate::disk::bytes::{random_uuid, uuid_text};
use crate::disk::discoverable;
use crate::error::Result;
use crate::guest::root::{Attributes, FILE_LIMIT, Root};
use crate::run::context::{Context, Done};

/// systemd's file.
const MACHINE_ID: &str = "/etc/machine-id";
/// D-Bus's file; on most systems a link to the other.
const DBUS_ID: &str = "/var/lib/dbus/machine-id";

/// As systemd makes it: nobody changes it.
const NEW_FILE: Attributes = Attributes::of_root(0o444);

/// Writes one new id into both files, where they are, or empties them as the property
/// `MACHINE_ID` asks. A file that is not there stays away: the system makes it at its first
/// start.
///
/// # Errors
/// When a file cannot be replaced.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let wanted = context.parameters.properties.machine_id()?;
    let content = match wanted {
        MachineId::Random => new_id(&random_uuid(&mut context.random)),
        MachineId::Empty => String::new(),
        MachineId::Uninitialized => "uninitialized\n".into(),
    };
    let root = context.root()?;
    if !root.exists(MACHINE_ID) && !root.exists(DBUS_ID) {
        return Ok(Done::Skipped(format!(
            "the image has no {MACHINE_ID}: it draws its own at its first start"
        )));
    }
    if is_bound(context, root)? {
        return Ok(Done::Skipped(
            "the partition of /var belongs to the machine id, and would not be mounted with \
             another: machines of this image have the same"
                .into(),
        ));
    }
    if root.exists(MACHINE_ID) {
        root.rewrite(MACHINE_ID, content.as_bytes(), NEW_FILE)?;
    }
    if root.exists(DBUS_ID) && !root.is_link(DBUS_ID)? {
        match wanted {
            MachineId::Random => root.rewrite(DBUS_ID, content.as_bytes(), NEW_FILE)?,
            // D-Bus takes an empty file for a broken one, and a missing one from the other.
            MachineId::Empty | MachineId::Uninitialized => drop(root.remove(DBUS_ID)?),
        }
    }
    Ok(Done::Yes)
}

/// Whether systemd finds `/var` by the machine id.
fn is_bound(context: &Context<'_>, root: &Root) -> Result<bool> {
    let Some(table) = &context.table else {
        return Ok(false);
    };
    let id = root.read(MACHINE_ID, FILE_LIMIT)?.unwrap_or_default();
    let var = discoverable::var_uuid(&id);
    let mut partitions = table.partitions.iter();
    Ok(var.is_some_and(|var| partitions.any(|entry| entry.part_uuid == var)))
}

/// 32 hexadecimal digits and a newline: a random UUID of version 4, as machine-id(5) asks for.
fn new_id(id: &[u8; 16]) -> String {
    let mut digits = uuid_text(id);
    digits.retain(|sign| sign != '-');
    digits.push('\n');
    digits
}

#[cfg(test)]
mod tests;
