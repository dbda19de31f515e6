//! Which bytes of the target become data, zeroes, or stay as they are.
// SPDX-License-Identifier: BSD-2-Clause

use std::ops::Range;

use super::report::Rest;
use crate::format::{Image, ImageError};
use crate::target::{ALIGNMENT, ENDS, Facts};

/// [`ALIGNMENT`] as an offset.
const BLOCK: u64 = 4096;
const _: () = assert!(BLOCK == 0x1000 && ALIGNMENT == 0x1000);

/// The lengths that a copy goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// The image's length.
    image: u64,
    /// The image's length in whole blocks, or the target's end when that comes first.
    end: u64,
    /// The target's size.
    capacity: u64,
    /// Whether the target reads as zeroes already.
    fresh: bool,
    /// Whether the target can be zeroed without moving data.
    cheap: bool,
}

/// A piece to read in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Bytes to read from the image.
    pub(super) length: usize,
    /// Bytes to write: the same, or more by the zeroes that fill the last block.
    pub(super) padded: usize,
}

impl Plan {
    pub(super) fn new(image: u64, target: &Facts) -> Self {
        Plan {
            image,
            end: image.next_multiple_of(BLOCK).min(target.capacity),
            capacity: target.capacity,
            fresh: target.fresh,
            cheap: target.zeroes_cheaply,
        }
    }

    /// The image's length.
    pub(super) fn image(&self) -> u64 {
        self.image
    }

    /// The end of what is written for the image, the padding of its last block included.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The next data at or after `at` in whole blocks; empty and at the end when there is none.
    pub(super) fn next_data(&self, image: &dyn Image, at: u64) -> Result<Range<u64>, ImageError> {
        let Some(data) = image.next_data(at)? else {
            return Ok(self.end..self.end);
        };
        let start = (data.start - data.start % BLOCK).max(at);
        Ok(start..data.end.next_multiple_of(BLOCK).min(self.end))
    }

    /// What to read in one go of `range`, which is of whole blocks.
    pub(super) fn piece(&self, range: &Range<u64>) -> Piece {
        let up_to = |end: u64| usize::try_from(end.saturating_sub(range.start)).unwrap_or(0);
        Piece {
            length: up_to(range.end.min(self.image)),
            padded: up_to(range.end),
        }
    }

    /// What is to be zeroed behind the image; either range may be empty.
    pub(super) fn rest(&self) -> [Range<u64>; 2] {
        let start = if self.fresh { self.capacity } else { self.end };
        if self.left() == 0 {
            [start..self.capacity, self.capacity..self.capacity]
        } else {
            [start..start + ENDS, self.capacity - ENDS..self.capacity]
        }
    }

    /// What [`Plan::rest`] amounts to.
    pub(super) fn rest_is(&self) -> Rest {
        if self.end == self.capacity {
            Rest::None
        } else if self.left() == 0 {
            Rest::Zeroed
        } else {
            Rest::EndsZeroed
        }
    }

    /// Bytes behind the image that keep what they held.
    pub(super) fn left(&self) -> u64 {
        if self.fresh || self.cheap {
            0
        } else {
            (self.capacity - self.end).saturating_sub(2 * ENDS)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(image: u64, capacity: u64, fresh: bool, cheap: bool) -> Plan {
        Plan {
            image,
            end: image.next_multiple_of(BLOCK).min(capacity),
            capacity,
            fresh,
            cheap,
        }
    }

    #[test]
    fn the_last_block_is_padded_up_to_the_targets_end() {
        assert_eq!(
            plan(513, 1 << 20, true, true).piece(&(0..4096)),
            Piece {
                length: 513,
                padded: 4096
            }
        );
        assert_eq!(
            plan(513, 1024, true, true).piece(&(0..1024)),
            Piece {
                length: 513,
                padded: 1024
            }
        );
        assert_eq!(
            plan(9000, 12288, true, true).piece(&(4096..12288)),
            Piece {
                length: 4904,
                padded: 8192
            }
        );
    }

    #[test]
    fn a_device_that_zeroes_slowly_is_zeroed_at_both_ends() {
        let slow = plan(4096, 10 << 20, false, false);
        assert_eq!(slow.rest(), [4096..4096 + ENDS, (9 << 20)..(10 << 20)]);
        assert_eq!(slow.rest_is(), Rest::EndsZeroed);
        assert_eq!(slow.left(), (8 << 20) - 4096);
        let small = plan(4096, 2 << 20, false, false);
        assert_eq!(small.rest(), [4096..2 << 20, 2 << 20..2 << 20]);
        assert_eq!(small.rest_is(), Rest::Zeroed);
        assert!(
            plan(4096, 4096, false, false)
                .rest()
                .iter()
                .all(Range::is_empty)
        );
    }

    proptest! {
        #[test]
        fn the_rest_lies_behind_the_image_in_whole_sectors(
            image in 1_u64..1 << 40, more in 0_u64..1 << 33, fresh: bool, cheap: bool
        ) {
            let capacity = image.next_multiple_of(512) + more * 512;
            let plan = plan(image, capacity, fresh, cheap);
            let zeroed: u64 = plan.rest().iter().map(|range| range.end - range.start).sum();
            for range in plan.rest() {
                prop_assert!(range.start >= image && range.end <= capacity);
                prop_assert_eq!((range.start % 512, range.end % 512), (0, 0));
            }
            prop_assert!(fresh || zeroed + plan.left() + plan.end() == capacity);
        }
    }
}
