//! What the threads of a copy share, and what each writer does.
// SPDX-License-Identifier: BSD-2-Clause

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ahead::Ahead;
use super::error::CopyError;
use super::plan::{Piece, Plan};
use super::report::Copied;
use crate::format::Image;
use crate::target::{AlignedBuffer, Disk};

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
    /// Read a piece of the image at this offset and put it there on the target.
    Copy(u64, Piece),
    /// Put bytes on the target.
    Write(Chunk),
    /// Make a range of the target read as zeroes; so many bytes of it are the image's.
    Zero(Range<u64>, u64),
}

/// Bytes that were read.
pub(super) struct Chunk {
    pub(super) buffer: AlignedBuffer,
    pub(super) piece: Piece,
    pub(super) offset: u64,
}

/// Everything that the threads of one copy share.
pub(super) struct Work<'a> {
    image: Option<&'a dyn Image>,
    disk: &'a Disk,
    progress: &'a (dyn Fn(u64) + Sync),
    position: Mutex<u64>,
    written: AtomicU64,
    ahead: Ahead,
    stop: AtomicBool,
    failure: Mutex<Option<CopyError>>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        image: Option<&'a dyn Image>,
        disk: &'a Disk,
        progress: &'a (dyn Fn(u64) + Sync),
    ) -> Self {
        Work {
            image,
            disk,
            progress,
            position: Mutex::new(0),
            written: AtomicU64::new(0),
            ahead: Ahead::default(),
            stop: AtomicBool::new(false),
            failure: Mutex::new(None),
        }
    }

    /// Does what there is to do until the producer has gone. Every buffer is given back, also
    /// after a failure, so that the producer never waits in vain.
    pub(super) fn do_all(&self, to_do: &Mutex<Receiver<Job>>, used: &SyncSender<AlignedBuffer>) {
        let mut own = None;
        loop {
            let job = lock(to_do).recv();
            let done = match job {
                Err(_) => return,
                Ok(Job::Copy(offset, piece)) => self.copy(offset, piece, &mut own),
                Ok(Job::Write(chunk)) => {
                    let bytes = chunk.buffer.first(chunk.piece.padded);
                    let done = self.write(bytes, chunk.piece, chunk.offset);
                    // Nobody takes it when the producer has gone.
                    let _ = used.send(chunk.buffer);
                    done
                }
                Ok(Job::Zero(range, counted)) => self.zero(range, counted),
            };
            if let Err(error) = done {
                self.fail(error);
            }
        }
    }

    /// Reads a piece of the image into this thread's own buffer and puts it on the target.
    fn copy(
        &self,
        offset: u64,
        piece: Piece,
        own: &mut Option<AlignedBuffer>,
    ) -> Result<(), CopyError> {
        let Some(image) = self.image.filter(|_| !self.stopped()) else {
            return Ok(());
        };
        let buffer = match own {
            Some(buffer) if buffer.length() >= piece.padded => buffer,
            own => own.insert(AlignedBuffer::new(piece.padded)),
        };
        let bytes = buffer.first_mut(piece.padded);
        let (content, padding) = bytes.split_at_mut_checked(piece.length).unwrap_or_default();
        image.read_at(content, offset)?;
        padding.fill(0);
        self.write(buffer.first(piece.padded), piece, offset)
    }

    /// To be called before a chunk is handed out of data that goes on until `end`.
    pub(super) fn prepare(&self, chunk: &Range<u64>, end: u64) {
        self.ahead.prepare(self.disk, chunk, end);
    }

    fn write(&self, bytes: &[u8], piece: Piece, offset: u64) -> Result<(), CopyError> {
        if self.stopped() {
            return Ok(());
        }
        let fresh = self.disk.facts().fresh;
        let grain = if fresh { FRESH_GRAIN } else { STALE_GRAIN };
        let end = offset.saturating_add(length(piece.length));
        let mut at = offset;
        for (run, zero) in runs(bytes, grain) {
            let range = at..at.saturating_add(length(run.len()));
            at = range.end;
            if !zero {
                self.ahead.write(self.disk, &range);
                self.disk.write_at(run, range.start)?;
                let counted = range.end.min(end).saturating_sub(range.start);
                self.written.fetch_add(counted, Ordering::Relaxed);
            } else if self.ahead.is_allocated(&range) || !fresh {
                self.disk.zero(range)?;
            }
        }
        self.advance(length(piece.length));
        Ok(())
    }

    fn zero(&self, range: Range<u64>, mut counted: u64) -> Result<(), CopyError> {
        if self.disk.facts().fresh {
            self.advance(counted);
            return Ok(());
        }
        let step = if self.disk.facts().zeroes_cheaply {
            CHEAP_STEP
        } else {
            COSTLY_STEP
        };
        let mut at = range.start;
        while at < range.end && !self.stopped() {
            let piece = at..at.saturating_add(step).min(range.end);
            at = piece.end;
            let part = counted.min(piece.end.saturating_sub(piece.start));
            self.disk.zero(piece)?;
            self.advance(part);
            counted = counted.saturating_sub(part);
        }
        Ok(())
    }

    /// Reports that so many bytes more are done. The lock keeps the reports in order.
    pub(super) fn advance(&self, bytes: u64) {
        let mut position = lock(&self.position);
        *position = position.saturating_add(bytes);
        (self.progress)(*position);
    }

    /// Whether to go no further, because of a failure.
    pub(super) fn stopped(&self) -> bool {
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
    pub(super) fn copied(&self, plan: &Plan, shared_bytes: u64) -> Copied {
        let data_bytes = self.written.load(Ordering::Relaxed);
        let moved = data_bytes.saturating_add(shared_bytes);
        Copied {
            data_bytes,
            shared_bytes,
            zero_bytes: plan.image().saturating_sub(moved),
            rest: plan.rest_is(),
            kept_bytes: plan.left(),
        }
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
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
