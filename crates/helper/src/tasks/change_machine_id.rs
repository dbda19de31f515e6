//! Draws a new identity for the machine, machine-id(5).
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::Write as _;

use rand::Rng;

use crate::error::Result;
use crate::guest::root::Attributes;
use crate::run::context::{Context, Done};

/// systemd's file.
const MACHINE_ID: &str = "/etc/machine-id";
/// D-Bus's file; on most systems a link to the other.
const DBUS_ID: &str = "/var/lib/dbus/machine-id";

/// As systemd makes it: nobody changes it.
const NEW_FILE: Attributes = Attributes::of_root(0o444);

/// Writes one new id into both files, where they are. A file that is not there stays away:
/// the system makes it at its first start.
///
/// # Errors
/// When a file cannot be replaced.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let id = new_id(&mut context.random);
    let root = context.root()?;
    let mut files = Vec::new();
    if root.exists(MACHINE_ID) {
        files.push(MACHINE_ID);
    }
    if root.exists(DBUS_ID) && !root.is_link(DBUS_ID)? {
        files.push(DBUS_ID);
    }
    for file in &files {
        root.rewrite(file, id.as_bytes(), NEW_FILE)?;
    }
    Ok(if files.is_empty() {
        Done::Skipped(format!(
            "the image has no {MACHINE_ID}: it draws its own at its first start"
        ))
    } else {
        Done::Yes
    })
}

/// 32 hexadecimal digits and a newline, marked as a random UUID of version 4 as
/// machine-id(5) asks for.
fn new_id(random: &mut impl Rng) -> String {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    let mut id = String::with_capacity(33);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id.push('\n');
    id
}

#[cfg(test)]
mod tests;
