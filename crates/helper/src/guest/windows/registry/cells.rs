//! Cells of a hive: read within bounds, written, given away and taken anew.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::unix::fs::FileExt;

use super::{BASE, Hive, MAX_BINS, Offset, put};
use crate::disk::bytes::array;
use crate::error::{Doing, Result};

/// What stands before the content of a cell, in bytes: its size, negative while it is in use.
pub(super) const SIZE: u32 = 4;
/// The offset that means nothing.
pub(super) const NONE: Offset = u32::MAX;
/// The largest cell that is read, in bytes: no list and no value that Windows makes is longer.
const MAX_CELL: u32 = 1 << 20;
/// Bins begin and end at such offsets.
const PAGE: u32 = 4096;
/// What a bin begins with, in bytes.
const BIN_HEADER: u32 = 32;
/// Cells begin and end at such offsets.
const UNIT: u32 = 8;

impl Hive {
    /// The content of a cell that is in use.
    pub(super) fn cell(&self, at: Offset) -> Result<Vec<u8>> {
        let length = self.room_of(at)?;
        let cost = u64::from(length) + u64::from(PAGE);
        let left = self.left.get().checked_sub(cost);
        let left = left.ok_or_else(|| self.fault("its lists are longer than any"))?;
        self.left.set(left);
        if length > MAX_CELL {
            return Err(self.fault("a cell is longer than 1 MiB"));
        }
        let mut content = vec![0; usize::try_from(length).unwrap_or_default()];
        self.file
            .read_exact_at(&mut content, position(at) + u64::from(SIZE))
            .doing(|| self.reading())?;
        Ok(content)
    }

    /// How many bytes of content a cell in use has room for.
    pub(super) fn room_of(&self, at: Offset) -> Result<u32> {
        let damaged = || self.fault("it points at a place where nothing is");
        if at < BIN_HEADER
            || !at.is_multiple_of(UNIT)
            || at.checked_add(UNIT).is_none_or(|to| to > self.bins)
        {
            return Err(damaged());
        }
        let mut size = [0; 4];
        self.file
            .read_exact_at(&mut size, position(at))
            .doing(|| self.reading())?;
        let size = i32::from_le_bytes(size);
        let is_used = size < 0;
        let size = size.unsigned_abs();
        let end = at.checked_add(size).filter(|end| *end <= self.bins);
        if !is_used || size < UNIT || end.is_none() {
            return Err(damaged());
        }
        Ok(size - SIZE)
    }

    /// Writes into the content of a cell, from an offset in it on. The cell has been read before,
    /// and has the room.
    pub(super) fn write(&self, at: Offset, within: u32, bytes: &[u8]) -> Result<()> {
        let position = position(at) + u64::from(SIZE) + u64::from(within);
        self.file
            .write_all_at(bytes, position)
            .doing(|| self.writing())
    }

    /// Makes a cell with this content, in a bin at the end of the hive.
    pub(super) fn add(&mut self, content: &[u8]) -> Result<Offset> {
        let full = "it has no room for what is to be set";
        let length = u32::try_from(content.len())
            .ok()
            .and_then(|length| length.checked_add(SIZE)?.checked_next_multiple_of(UNIT))
            .ok_or_else(|| self.fault(full))?;
        if self.room.1 < length {
            self.add_bin(length)?;
        }
        let (at, room) = self.room;
        let mut cell = vec![0; usize::try_from(length).unwrap_or_default()];
        put(&mut cell, 0, &length.wrapping_neg().to_le_bytes());
        put(&mut cell, 4, content);
        let left = room - length;
        if left > 0 {
            // What is left of the bin is a cell that is free.
            cell.extend(left.to_le_bytes());
        }
        self.file
            .write_all_at(&cell, position(at))
            .doing(|| self.writing())?;
        self.room = (at + length, left);
        Ok(at)
    }

    /// Gives a cell away.
    pub(super) fn free(&self, at: Offset) -> Result<()> {
        let size = self.room_of(at)? + SIZE;
        self.file
            .write_all_at(&size.to_le_bytes(), position(at))
            .doing(|| self.writing())
    }

    fn add_bin(&mut self, length: u32) -> Result<()> {
        let size = length
            .checked_add(BIN_HEADER)
            .and_then(|size| size.checked_next_multiple_of(PAGE))
            .filter(|size| {
                self.bins
                    .checked_add(*size)
                    .is_some_and(|end| end <= MAX_BINS)
            })
            .ok_or_else(|| self.fault("it has no room for what is to be set"))?;
        let mut bin = vec![0; usize::try_from(size).unwrap_or_default()];
        put(&mut bin, 0, b"hbin");
        put(&mut bin, 4, &self.bins.to_le_bytes());
        put(&mut bin, 8, &size.to_le_bytes());
        put(&mut bin, 32, &(size - BIN_HEADER).to_le_bytes());
        self.file
            .write_all_at(&bin, position(self.bins))
            .doing(|| self.writing())?;
        self.room = (self.bins + BIN_HEADER, size - BIN_HEADER);
        self.bins += size;
        Ok(())
    }

    /// A field of a cell's content that must be there.
    pub(super) fn field<const N: usize>(&self, cell: &[u8], at: usize) -> Result<[u8; N]> {
        array(cell, at).ok_or_else(|| self.fault("a cell is too short"))
    }

    /// The same as a number.
    pub(super) fn number(&self, cell: &[u8], at: usize) -> Result<u32> {
        self.field(cell, at).map(u32::from_le_bytes)
    }

    /// The same of two bytes.
    pub(super) fn half(&self, cell: &[u8], at: usize) -> Result<u16> {
        self.field(cell, at).map(u16::from_le_bytes)
    }
}

fn position(at: Offset) -> u64 {
    u64::from(at) + u64::from(BASE)
}
