//! The disk of a dump that lies in a file.
// SPDX-License-Identifier: BSD-2-Clause

use std::ops::Range;

use super::{Boot, SECTOR, START};
use crate::format::{Image, ImageError};

/// A dump in a file, with what comes before.
pub(super) struct Dump {
    /// The first sector; up to [`START`] zeroes follow.
    prefix: Vec<u8>,
    /// Sectors of the dump that are others than in the file, by their offsets in it.
    boots: Vec<(u64, Boot)>,
    image: Box<dyn Image>,
}

impl Dump {
    pub(super) fn new(prefix: Vec<u8>, boots: Vec<(u64, Boot)>, image: Box<dyn Image>) -> Self {
        Dump {
            prefix,
            boots,
            image,
        }
    }
}

impl Image for Dump {
    fn length(&self) -> u64 {
        self.image.length().saturating_add(START)
    }

    fn next_data(&self, from: u64) -> Result<Option<Range<u64>>, ImageError> {
        if from < SECTOR {
            return Ok(Some(from..SECTOR));
        }
        let inner = self.image.next_data(from.saturating_sub(START))?;
        Ok(inner.map(|range| range.start.saturating_add(START)..range.end.saturating_add(START)))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), ImageError> {
        let before = usize::try_from(START.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (head, rest) = buffer.split_at_mut(before.min(buffer.len()));
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let known = self.prefix.get(at..).unwrap_or_default();
        let known = known.get(..head.len()).unwrap_or(known);
        let (written, zero) = head.split_at_mut(known.len());
        written.copy_from_slice(known);
        zero.fill(0);
        if rest.is_empty() {
            return Ok(());
        }
        let offset = offset.saturating_sub(START);
        self.image.read_at(rest, offset)?;
        for (at, boot) in &self.boots {
            lay(boot, *at, rest, offset);
        }
        Ok(())
    }

    fn grain(&self) -> usize {
        self.image.grain()
    }

    fn check_unchanged(&self) -> Result<(), ImageError> {
        self.image.check_unchanged()
    }
}

/// Lays a sector over bytes, both by their offsets, as far as they meet.
fn lay(boot: &Boot, at: u64, bytes: &mut [u8], offset: u64) {
    let skipped = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let from = bytes.get_mut(skipped(at.saturating_sub(offset))..);
    let boot = boot.get(skipped(offset.saturating_sub(at))..);
    for (byte, new) in from.into_iter().flatten().zip(boot.into_iter().flatten()) {
        *byte = *new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sector_is_laid_over_what_it_meets_alone() {
        let boot = [7; 512];
        for (at, offset, length) in [
            (0_u64, 0_u64, 512_usize),
            (0, 511, 4),
            (600, 512, 200),
            (600, 0, 601),
            (600, 0, 600),
            (600, 1112, 8),
        ] {
            let mut bytes = vec![0; length];
            lay(&boot, at, &mut bytes, offset);
            for (index, byte) in (offset..).zip(bytes) {
                let is_within = (at..at + 512).contains(&index);
                assert_eq!(byte == 7, is_within, "{at} {offset} {index}");
            }
        }
    }
}
