//! ext2 to ext4, as far as its beginning tells how large it is.
// SPDX-License-Identifier: BSD-2-Clause

use super::HEAD;

/// The superblock of ext2 to ext4 lies 1024 bytes in (Documentation/filesystems/ext4/super.rst):
/// number of blocks at 4 and, with the feature 64bit, at 0x150; block size at 24; magic at 56.
pub(super) fn size(head: &[u8; HEAD]) -> Result<u64, &'static str> {
    let word = |at: usize| -> Option<u32> {
        let bytes = head.get(1024_usize.checked_add(at)?..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    if word(56).is_none_or(|magic| magic & 0xffff != 0xef53) {
        return Err("it has no superblock with that magic number");
    }
    let has_64_bits = word(96).is_some_and(|features| features & 0x80 != 0);
    let high = word(0x150).filter(|_| has_64_bits).unwrap_or(0);
    let blocks = u64::from(high) << 32 | u64::from(word(4).unwrap_or(0));
    let size = word(24).filter(|log| *log <= 6).map(|log| 1024_u64 << log);
    size.and_then(|size| size.checked_mul(blocks))
        .filter(|bytes| *bytes > 0)
        .ok_or("its superblock has an impossible size")
}
