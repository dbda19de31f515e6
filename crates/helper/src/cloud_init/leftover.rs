//! What an earlier deployment told cloud-init, in an image that was made of its machine.
// SPDX-License-Identifier: BSD-2-Clause

use super::{CLEAN_UP, FIRST_START, IDENTIFY, PIN, SEED, seed};
use crate::error::Result;
use crate::guest::root::{FILE_LIMIT, Root};
use crate::network::plan::is_ours;

/// Takes it away: it would give the machine the name, the addresses and the keys of another one.
/// What the author of the image has put there himself stays. Gives whether anything was there.
///
/// # Errors
/// When a file cannot be removed.
pub fn remove(root: &Root) -> Result<bool> {
    let mut is_gone = false;
    for path in [PIN, IDENTIFY, FIRST_START, CLEAN_UP] {
        if is_known(root, path, has_mark) {
            is_gone |= root.remove_all(path)?;
        }
    }
    if is_known(root, &format!("{SEED}/meta-data"), seed::is_ours) {
        is_gone |= root.remove_all(SEED)?;
    }
    Ok(is_gone)
}

/// What cannot be read, such as a directory, is none of ours.
fn is_known(root: &Root, path: &str, by: fn(&[u8]) -> bool) -> bool {
    let content = root.read(path, FILE_LIMIT).ok().flatten();
    content.is_some_and(|content| by(&content))
}

/// In a script the mark stands below the interpreter's name.
fn has_mark(content: &[u8]) -> bool {
    let mut lines = content.split(|byte| *byte == b'\n').take(2);
    lines.any(is_ours)
}
