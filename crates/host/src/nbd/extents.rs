//! Which ranges of an export read as zeroes, found out piece by piece.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::VecDeque;
use std::ops::Range;

/// A range of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// How many bytes it has; never zero.
    pub length: u64,
    /// Whether all of them are zero.
    pub zero: bool,
}

/// Ranges that the server has told of and nobody has used yet.
#[derive(Debug, Default)]
pub(crate) struct Known {
    start: u64,
    extents: VecDeque<Extent>,
}

impl Known {
    /// The next range of data at or after `from` and before `end`, which `ask` tells of where
    /// it is not known yet.
    pub(crate) fn next_data<E>(
        &mut self,
        from: u64,
        end: u64,
        mut ask: impl FnMut(u64) -> Result<Vec<Extent>, E>,
    ) -> Result<Option<Range<u64>>, E> {
        let mut at = from;
        let mut data: Option<Range<u64>> = None;
        while at < end {
            let extent = match self.at(at) {
                Some(extent) => extent,
                // What was found is told before more is asked.
                None if data.is_some() => break,
                None => {
                    self.start = at;
                    self.extents = ask(at)?.into();
                    match self.at(at) {
                        Some(extent) => extent,
                        None => return Ok(Some(at..end)),
                    }
                }
            };
            let next = at.saturating_add(extent.length).min(end);
            match &mut data {
                None if extent.zero => {}
                None => data = Some(at..next),
                Some(_) if extent.zero => break,
                Some(range) => range.end = next,
            }
            at = next;
        }
        Ok(data)
    }

    /// What is left of the extent that holds this place; those before it are forgotten.
    fn at(&mut self, at: u64) -> Option<Extent> {
        if at < self.start {
            self.extents.clear();
        }
        while let Some(first) = self.extents.front().copied() {
            let end = self.start.saturating_add(first.length);
            if at < end {
                let length = end.saturating_sub(at);
                return Some(Extent { length, ..first });
            }
            self.start = end;
            self.extents.pop_front();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_byte_of_data_is_found_and_no_long_run_of_zeroes(
            disk in prop::collection::vec(any::<bool>(), 1..200), piece in 1_usize..50
        ) {
            let mut known = Known::default();
            let end = u64::try_from(disk.len()).unwrap();
            // A server that tells of `piece` bytes at a time, one extent a byte.
            let ask = |at: u64| -> Result<Vec<Extent>, Infallible> {
                let at = usize::try_from(at).unwrap();
                let told = disk.iter().skip(at).take(piece);
                Ok(told.map(|data| Extent { length: 1, zero: !data }).collect())
            };
            let mut found = vec![false; disk.len()];
            let mut at = 0;
            while let Some(range) = known.next_data(at, end, ask).unwrap() {
                prop_assert!(range.start >= at && range.end > range.start && range.end <= end);
                for byte in range.clone() {
                    found[usize::try_from(byte).unwrap()] = true;
                }
                at = range.end;
            }
            prop_assert_eq!(found, disk);
        }
    }
}
