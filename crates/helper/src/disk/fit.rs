//! How a file system lies in its device.
// SPDX-License-Identifier: BSD-2-Clause

use std::cmp::Ordering;

/// Whether there is room behind a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// There is room behind it.
    Grows,
    /// It takes the whole device.
    Fills,
    /// It is larger than the device.
    Exceeds,
}

impl Fit {
    /// That of a file system of so many blocks in a device that has room for so many.
    #[must_use]
    pub fn of(blocks: u64, room: u64) -> Fit {
        match blocks.cmp(&room) {
            Ordering::Less => Fit::Grows,
            Ordering::Equal => Fit::Fills,
            Ordering::Greater => Fit::Exceeds,
        }
    }
}
