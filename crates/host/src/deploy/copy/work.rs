//! What reader and writers of a copy share, and what a writer does.
// SPDX-License-Identifier: BSD-2-Clause

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::plan::Plan;
use super::{Copied, CopyError};
use crate::cancel::Cancel;
use crate::source::Source;
use crate::target::{AlignedBuffer, Target, TargetError};

/// How finely zeroes are looked for where they need not be written at all.
const FRESH_GRAIN: usize = 64 << 10;

/// How finely where they must be made: a shorter run is written faster than it is zeroed.
const STALE_GRAIN: usize = 512 << 10;

/// Bytes zeroed in one call, so that a wish to stop is heard in between.
const CHEAP_STEP: u64 = 256 << 20;

/// The same where the kernel writes them one by one.
const COSTLY_STEP: u64 = 8 << 20;

/// What a block of zeroes looks like.
static ZEROES: [u8; STALE_GRAIN] = [0; STALE_GRAIN];

/// One thing for a writer to do.
pub(super) enum Job {
    /// Put bytes on the target.
    Write(Chunk),
    /// Make a range of the target read as zeroes.
    Zero(Range<u64>),
}

/// Bytes that were read.
pub(super) struct Chunk {
    pub(super) buffer: AlignedBuffer,
    pub(super) length: usize,
    pub(super) offset: u64,
}

/// Everything that the threads of one copy share.
pub(super) struct Work<'a> {
    pub(super) source: &'a Source,
    target: &'a Target,
    progress: &'a (dyn Fn(u64, u64) + Sync),
    cancel: &'a Cancel,
    fresh: bool,
    position: Mutex<u64>,
    written: AtomicU64,
    stop: AtomicBool,
    failure: Mutex<Option<CopyError>>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        source: &'a Source,
        target: &'a Target,
        progress: &'a (dyn Fn(u64, u64) + Sync),
        cancel: &'a Cancel,
    ) -> Self {
        Work {
            source,
            target,
            progress,
            cancel,
            fresh: target.is_fresh(),
            position: Mutex::new(0),
            written: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            failure: Mutex::new(None),
        }
    }

    /// Does what there is to do until the reader has gone. Every buffer is given back, also
    /// after a failure, so that the reader never waits in vain.
    pub(super) fn write_all(&self, to_do: &Mutex<Receiver<Job>>, used: &SyncSender<AlignedBuffer>) {
        loop {
            let job = lock(to_do).recv();
            let done = match job {
                Err(_) => return,
                Ok(Job::Write(chunk)) => {
                    let done = self.write(&chunk);
                    // Nobody takes it when the reader has gone.
                    let _ = used.send(chunk.buffer);
                    done
                }
                Ok(Job::Zero(range)) => self.zero(range),
            };
            if let Err(error) = done {
                self.fail(error.into());
            }
        }
    }

    fn write(&self, chunk: &Chunk) -> Result<(), TargetError> {
        if self.stopped() {
            return Ok(());
        }
        let grain = if self.fresh { FRESH_GRAIN } else { STALE_GRAIN };
        let mut at = chunk.offset;
        for (bytes, zero) in runs(chunk.buffer.first(chunk.length), grain) {
            let range = at..at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            at = range.end;
            if !zero {
                self.target.write_at(bytes, range.start)?;
                self.written
                    .fetch_add(self.within_image(&range), Ordering::Relaxed);
            } else if !self.fresh {
                self.target.zero(range)?;
            }
        }
        self.advance(&(chunk.offset..at));
        Ok(())
    }

    fn zero(&self, range: Range<u64>) -> Result<(), TargetError> {
        if self.fresh {
            self.advance(&range);
            return Ok(());
        }
        let step = if self.target.zeroes_cheaply() {
            CHEAP_STEP
        } else {
            COSTLY_STEP
        };
        let mut at = range.start;
        while at < range.end && !self.stopped() {
            let piece = at..at.saturating_add(step).min(range.end);
            self.target.zero(piece.clone())?;
            self.advance(&piece);
            at = piece.end;
        }
        Ok(())
    }

    /// Reports that a range is done. The lock keeps the reports in order.
    fn advance(&self, range: &Range<u64>) {
        let mut position = lock(&self.position);
        *position = position.saturating_add(self.within_image(range));
        (self.progress)(*position, self.source.length());
    }

    fn within_image(&self, range: &Range<u64>) -> u64 {
        let length = self.source.length();
        range
            .end
            .min(length)
            .saturating_sub(range.start.min(length))
    }

    /// Whether to go no further, because of a failure or a wish.
    pub(super) fn stopped(&self) -> bool {
        if self.cancel.is_cancelled() {
            self.fail(CopyError::Cancelled);
        }
        self.stop.load(Ordering::Relaxed)
    }

    /// Records a failure, unless there is one already, and stops everybody.
    pub(super) fn fail(&self, error: CopyError) {
        lock(&self.failure).get_or_insert(error);
        self.stop.store(true, Ordering::Relaxed);
    }

    /// The first failure, if there was one.
    pub(super) fn outcome(&self) -> Result<(), CopyError> {
        lock(&self.failure).take().map_or(Ok(()), Err)
    }

    /// The account of a copy that has succeeded.
    pub(super) fn copied(&self, plan: &Plan) -> Copied {
        let data_bytes = self.written.load(Ordering::Relaxed);
        Copied {
            data_bytes,
            zero_bytes: self.source.length().saturating_sub(data_bytes),
            rest: plan.rest_is(),
            kept_bytes: plan.left(),
        }
    }
}

/// Cuts `bytes` into the longest runs of blocks that are all zero, or all not.
fn runs(bytes: &[u8], grain: usize) -> impl Iterator<Item = (&[u8], bool)> {
    let mut left = bytes;
    std::iter::from_fn(move || {
        let zero = is_zero(left.chunks(grain).next()?);
        let length: usize = left
            .chunks(grain)
            .take_while(|block| is_zero(block) == zero)
            .map(<[u8]>::len)
            .sum();
        let (run, rest) = left.split_at_checked(length)?;
        left = rest;
        Some((run, zero))
    })
}

/// Whether a block, of [`STALE_GRAIN`] bytes at most, is all zero.
fn is_zero(block: &[u8]) -> bool {
    ZEROES
        .get(..block.len())
        .is_some_and(|zeroes| zeroes == block)
}

/// A thread that panicked while it held one of these locks has left nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_the_bytes_in_order_and_zero_runs_hold_only_zeroes(
            blocks in prop::collection::vec((any::<bool>(), 1_usize..9), 0..20)
        ) {
            let bytes: Vec<u8> = blocks
                .iter()
                .flat_map(|(zero, length)| vec![u8::from(!zero); *length])
                .collect();
            let mut joined = Vec::new();
            let mut last = None;
            for (run, zero) in runs(&bytes, 4) {
                prop_assert!(!run.is_empty());
                prop_assert!(!zero || run.iter().all(|byte| *byte == 0));
                prop_assert!(zero || run.chunks(4).all(|block| block.iter().any(|byte| *byte != 0)));
                prop_assert_ne!(last, Some(zero));
                last = Some(zero);
                joined.extend_from_slice(run);
            }
            prop_assert_eq!(joined, bytes);
        }
    }
}
