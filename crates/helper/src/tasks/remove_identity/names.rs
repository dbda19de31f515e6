//! Names of the machine towards storage, which are drawn anew: no system does that everywhere.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Identity;

use crate::disk::bytes::uuid_text;
use crate::error::Result;
use crate::guest::root::{Attributes, FILE_LIMIT, Root};

/// `InitiatorName=` of open-iscsi.
const INITIATOR: &str = "/etc/iscsi/initiatorname.iscsi";
/// The names of nvme-cli: a UUID, and a name that holds it.
const HOST_ID: &str = "/etc/nvme/hostid";
const HOST_NAME: &str = "/etc/nvme/hostnqn";
/// What such a name begins with (NVM Express base specification 2.0, 4.5).
const BY_UUID: &str = "nqn.2014-08.org.nvmexpress:uuid:";

const NEW_FILE: Attributes = Attributes::of_root(0o600);

/// Makes them of two UUIDs that were drawn for them, and gives those that there were.
pub(super) fn renew(
    root: &Root,
    kept: &[Identity],
    [initiator, host]: &[[u8; 16]; 2],
) -> Result<Vec<&'static str>> {
    let mut renewed = Vec::new();
    if !kept.contains(&Identity::Iscsi)
        && let Some(content) = root.read(INITIATOR, FILE_LIMIT)?
        && let Some(edited) = with_initiator(&content, initiator)
    {
        root.rewrite(INITIATOR, &edited, NEW_FILE)?;
        renewed.push(Identity::Iscsi.name());
    }
    if !kept.contains(&Identity::Nvme) {
        // Both name the same host.
        let id = uuid_text(host);
        let mut is_there = false;
        if root.exists(HOST_ID) {
            root.rewrite(HOST_ID, format!("{id}\n").as_bytes(), NEW_FILE)?;
            is_there = true;
        }
        let name = root.read(HOST_NAME, FILE_LIMIT)?.unwrap_or_default();
        if name.starts_with(BY_UUID.as_bytes()) {
            root.rewrite(HOST_NAME, format!("{BY_UUID}{id}\n").as_bytes(), NEW_FILE)?;
            is_there = true;
        }
        if is_there {
            renewed.push(Identity::Nvme.name());
        }
    }
    Ok(renewed)
}

/// Replaces what follows the last colon of the name, which is the machine's own part (RFC 3720,
/// 3.2.6.3). Other lines stay; `None`: there is no name, or the machine draws it itself.
fn with_initiator(content: &[u8], drawn: &[u8; 16]) -> Option<Vec<u8>> {
    let mut edited = Vec::with_capacity(content.len());
    let mut is_found = false;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        let Some(name) = line.strip_prefix(b"InitiatorName=") else {
            edited.extend(line);
            continue;
        };
        let name = name.trim_ascii();
        let end = name
            .iter()
            .rposition(|byte| *byte == b':')
            .unwrap_or(name.len());
        edited.extend(b"InitiatorName=");
        edited.extend(name.get(..end)?);
        // Twelve digits, as iscsi-iname(8) makes them.
        let own: String = uuid_text(drawn)
            .chars()
            .filter(|sign| *sign != '-')
            .take(12)
            .collect();
        edited.extend(format!(":{own}\n").as_bytes());
        is_found = true;
    }
    is_found.then_some(edited)
}
