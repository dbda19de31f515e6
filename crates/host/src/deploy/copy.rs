//! Copies an image onto a target: one reader, several writers, a fixed set of buffers.
//!
//! The calling thread reads the image in order and skips its holes; writers look for zeroes
//! in what was read and put the rest on the target. docs/copy.md tells what ends up where.
// SPDX-License-Identifier: BSD-2-Clause

mod error;
mod plan;
mod work;

pub use error::CopyError;

use std::num::NonZero;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::cancel::Cancel;
use crate::source::Source;
use crate::target::{AlignedBuffer, Target};

use plan::Plan;
use work::{Chunk, Job, Work};

/// Bytes read and handed on at a time. Measured: smaller ones cost more in calls, larger
/// ones gain nothing and fall out of the processor's cache.
const CHUNK: usize = 1 << 20;

/// Writers at work at the same time, so that the device has more than one request; more
/// bring nothing on the devices measured.
const WRITERS: usize = 4;

/// Buffers in circulation: one in each writer's hands, and some filled ahead.
const BUFFERS: usize = 2 * WRITERS;

/// What a copy has put on the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Bytes of the image that were written.
    pub data_bytes: u64,
    /// Bytes of the image that were not written, since they are zero on the target anyway,
    /// or were made so without moving data.
    pub zero_bytes: u64,
    /// What became of the target behind the image's end.
    pub rest: Rest,
    /// Bytes behind the image that still hold what they held before; 0 but for
    /// [`Rest::EndsZeroed`].
    pub kept_bytes: u64,
}

/// What became of the target behind the image's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// There is nothing behind the image.
    None,
    /// It reads as zeroes, all of it.
    Zeroed,
    /// Its first and last mebibyte read as zeroes. The bytes between were left alone, as the
    /// device cannot be zeroed without writing all of it.
    EndsZeroed,
}

/// Looks whether `source` can be copied onto `target` at all.
///
/// # Errors
/// When the image is larger than the target, or both are the same file.
pub fn check_fits(source: &Source, target: &Target) -> Result<(), CopyError> {
    if source.identity() == target.identity() {
        return Err(CopyError::SameFile {
            path: target.path().into(),
        });
    }
    target.check_room(source.length())?;
    Ok(())
}

/// Copies `source` onto `target` and flushes it. Afterwards the target holds the image's
/// bytes, and nothing of what it held before can be read within the image.
///
/// `progress` is called with the bytes of the image that are dealt with, holes included,
/// and the image's length; the first never falls. It is called from one thread at a time,
/// about once a mebibyte of data, and should return at once.
///
/// # Errors
/// When the two do not fit ([`check_fits`]), a read, write or flush fails, the image changes
/// meanwhile, or `cancel` is called. The target's content is undefined then.
pub fn copy(
    source: &Source,
    target: &Target,
    progress: &(dyn Fn(u64, u64) + Sync),
    cancel: &Cancel,
) -> Result<Copied, CopyError> {
    check_fits(source, target)?;
    let plan = Plan::new(source.length(), target);
    let work = Work::new(source, target, progress, cancel);
    run(&work, &plan)?;
    source.check_unchanged()?;
    target.flush()?;
    Ok(work.copied(&plan))
}

/// Runs reader and writers to their end and returns the first failure of any of them.
fn run(work: &Work<'_>, plan: &Plan) -> Result<(), CopyError> {
    let (jobs, to_do) = sync_channel::<Job>(BUFFERS);
    let (used, free) = sync_channel::<AlignedBuffer>(BUFFERS);
    for _ in 0..BUFFERS {
        // The channel has room for all of them, and its other end is right here.
        let _ = used.send(AlignedBuffer::new(CHUNK));
    }
    thread::scope(|scope| {
        // Writers alone hold these ends, so that the reader notices when there are none.
        let to_do = Arc::new(Mutex::new(to_do));
        for number in 1..=writers() {
            let (to_do, used) = (Arc::clone(&to_do), used.clone());
            let writer = move || work.write_all(&to_do, &used);
            let name = format!("writer-{number}");
            if let Err(error) = thread::Builder::new()
                .name(name)
                .spawn_scoped(scope, writer)
            {
                work.fail(CopyError::Thread { error });
            }
        }
        drop((to_do, used));
        let reader = Reader {
            work,
            plan,
            free,
            jobs,
        };
        if let Err(error) = reader.read_all() {
            work.fail(error);
        }
        // The reader's end is closed now: the writers do what is left, and end.
    });
    work.outcome()
}

/// As many writers as are worth it: never fewer than two, so that the device is not idle
/// while one of them looks for zeroes.
fn writers() -> usize {
    thread::available_parallelism()
        .map_or(2, NonZero::get)
        .clamp(2, WRITERS)
}

/// The side that reads the image and cuts the target into jobs.
struct Reader<'a> {
    work: &'a Work<'a>,
    plan: &'a Plan,
    free: Receiver<AlignedBuffer>,
    jobs: SyncSender<Job>,
}

impl Reader<'_> {
    /// Hands out the whole image, and then what is behind it.
    fn read_all(self) -> Result<(), CopyError> {
        let mut at = 0;
        while at < self.plan.end() {
            let data = self.plan.next_data(self.work.source, at)?;
            self.hand_out_zeroes(at..data.start)?;
            at = data.start;
            while at < data.end {
                at = self.read_piece(at, data.end)?;
            }
        }
        self.plan
            .rest()
            .into_iter()
            .try_for_each(|range| self.hand_out_zeroes(range))
    }

    /// Reads from `at` to `end` at most and says how far it came.
    fn read_piece(&self, at: u64, end: u64) -> Result<u64, CopyError> {
        // A writer always gives its buffer back, so this waits for one write at most.
        let mut buffer = self.free.recv().map_err(|_| CopyError::Cancelled)?;
        let piece = self.plan.piece(at, end, CHUNK);
        let bytes = buffer.first_mut(piece.padded);
        let (image, padding) = bytes.split_at_mut_checked(piece.length).unwrap_or_default();
        self.work.source.read_at(image, at)?;
        padding.fill(0);
        self.hand_out(Job::Write(Chunk {
            buffer,
            length: piece.padded,
            offset: at,
        }))?;
        Ok(at.saturating_add(u64::try_from(piece.padded).unwrap_or(u64::MAX)))
    }

    fn hand_out_zeroes(&self, range: Range<u64>) -> Result<(), CopyError> {
        if range.is_empty() {
            Ok(())
        } else {
            self.hand_out(Job::Zero(range))
        }
    }

    /// Gives a job to the writers. When they stopped, or there are none, so does the reader;
    /// the reason is on record already.
    fn hand_out(&self, job: Job) -> Result<(), CopyError> {
        if self.work.stopped() {
            return Err(CopyError::Cancelled);
        }
        self.jobs.send(job).map_err(|_| CopyError::Cancelled)
    }
}
