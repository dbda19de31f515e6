//! NTFS, as far as its boot sector tells how large it is and where it begins.
// SPDX-License-Identifier: BSD-2-Clause

use super::{Boot, HEAD};

/// Fields of the boot sector that its own boot code works with (mkntfs(8): --sectors-per-track, --heads,
/// --partition-start): sectors in a track, heads, and the sectors before the file system.
const TRACK: usize = 0x18;
const HEADS: usize = 0x1a;
const HIDDEN: usize = 0x1c;

/// What a disk has that is larger than its tracks and heads can say (Enhanced Disk Drive
/// Specification): 63 sectors, 255 heads.
const LARGE_TRACK: u16 = 63;
const LARGE_HEADS: u16 = 255;

/// The boot sector of NTFS: name at 3, bytes of a sector at 11, sectors at 40; a copy of the
/// boot sector follows them.
pub(super) fn size(head: &[u8; HEAD]) -> Result<u64, &'static str> {
    if head.get(3..11) != Some(b"NTFS    ") {
        return Err("it has no boot sector with that name");
    }
    let sector = head.get(11..).and_then(<[u8]>::first_chunk);
    let sector = sector.map_or(0, |bytes| u64::from(u16::from_le_bytes(*bytes)));
    let sectors = head.get(40..).and_then(<[u8]>::first_chunk);
    let sectors = sectors.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    Some(sector)
        .filter(|sector| sector.is_power_of_two() && (512..=4096).contains(sector))
        .and_then(|sector| sector.checked_mul(sectors))
        .filter(|bytes| *bytes > 0)
        .ok_or("its boot sector has an impossible size")
}

/// The boot sector of one that begins at this sector of its disk. Its boot code reads from the disk,
/// so it goes by the place.
pub(super) fn at(boot: &Boot, start: u32) -> Boot {
    let mut moved = *boot;
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(field) = moved.get_mut(at..at.saturating_add(bytes.len())) {
            field.copy_from_slice(bytes);
        }
    };
    for (at, large) in [(TRACK, LARGE_TRACK), (HEADS, LARGE_HEADS)] {
        // One that was made in a file has none.
        if boot.get(at..at.saturating_add(2)) == Some(&[0, 0]) {
            put(at, &large.to_le_bytes());
        }
    }
    put(HIDDEN, &start.to_le_bytes());
    moved
}
