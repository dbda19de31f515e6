//! A file from its beginning to its end.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Read};

use crate::source::Source;

/// Reads an image in order, and looks at the end whether it is still what it was.
pub(super) struct Sequential {
    source: Source,
    at: u64,
}

impl Sequential {
    pub(super) fn new(source: Source) -> Self {
        Sequential { source, at: 0 }
    }
}

impl Read for Sequential {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.source.length().saturating_sub(self.at);
        if left == 0 {
            self.source.check_unchanged().map_err(io::Error::other)?;
            return Ok(0);
        }
        let count = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let buffer = buffer.get_mut(..count).unwrap_or_default();
        self.source
            .read_at(buffer, self.at)
            .map_err(io::Error::other)?;
        self.at = self
            .at
            .saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}
