//! The slices of second-level tables that were read last.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Bytes;

/// How many are kept, each of 64 KiB at most. Readers go through a disk side by side, each a
/// step ahead of the other.
const MOST: usize = 64;

/// A slice, by where it begins in the file.
type Slice = (u64, Arc<[u8]>);

/// What was read last comes first.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<VecDeque<Slice>>);

impl Cache {
    /// The `length` bytes at `offset`, read now unless they were a short while ago.
    pub(crate) fn get<B: Bytes>(
        &self,
        bytes: &B,
        offset: u64,
        length: u64,
    ) -> Result<Arc<[u8]>, B::Error> {
        if let Some(slice) = self.find(offset) {
            return Ok(slice);
        }
        // Without the lock: another thread may read the same, which does no harm.
        let mut slice = vec![0; usize::try_from(length).unwrap_or(0)];
        bytes.read_at(&mut slice, offset)?;
        let slice: Arc<[u8]> = slice.into();
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_front((offset, Arc::clone(&slice)));
        recent.truncate(MOST);
        Ok(slice)
    }

    fn find(&self, offset: u64) -> Option<Arc<[u8]>> {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = recent.iter().position(|(at, _)| *at == offset)?;
        if place > 0 {
            let slice = recent.remove(place)?;
            recent.push_front(slice);
        }
        recent.front().map(|(_, slice)| Arc::clone(slice))
    }
}
