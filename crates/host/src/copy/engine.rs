//! Copies a disk's content onto a target, with several requests at once and bounded memory.
//!
//! An image that can be read anywhere is cut into ranges, which several threads read (which
//! may mean: decompress) and write. A stream is read by one thread, in order, into buffers
//! that the others write. docs/copy.md tells what ends up where.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Read};
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use super::error::CopyError;
use super::plan::{Piece, Plan};
use super::reflink;
use super::report::Copied;
use super::work::{Chunk, Job, Work};
use crate::format::{Content, Image, ImageError};
use crate::target::{ALIGNMENT, AlignedBuffer, Disk, TargetError};

/// Bytes copied at a time, unless the image is best read in larger pieces. Measured: smaller
/// ones cost more in calls, larger ones gain nothing and fall out of the processor's cache.
const CHUNK: usize = 512 << 10;

/// Writers at work at the same time, so that the device has more than one request, however few
/// processors there are; more bring nothing on the devices measured.
const WRITERS: usize = 4;

/// Buffers in circulation for a stream: one in each writer's hands, and some filled ahead.
const BUFFERS: usize = 2 * WRITERS;

/// Copies `content` onto `disk` and flushes it. Afterwards the disk holds the image's bytes,
/// and nothing of what it held before can be read within the image.
///
/// `progress` is called with the bytes of the image that are dealt with, holes included; it
/// never falls. It is called from one thread at a time, about twice a mebibyte of data, and
/// should return at once.
///
/// # Errors
/// When the image does not fit, a read, write or flush fails, or the image changes meanwhile.
/// The target's content is undefined then.
pub fn copy(
    content: Content,
    disk: &Disk,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Copied, CopyError> {
    check_room(&content, disk)?;
    let copied = match content {
        Content::Image(image) => copy_image(&*image, disk, progress)?,
        Content::Stream { bytes, length } => copy_stream(bytes, length, disk, progress)?,
    };
    disk.flush()?;
    Ok(copied)
}

/// Looks whether the image has room, where its length is known.
pub(super) fn check_room(content: &Content, disk: &Disk) -> Result<(), TargetError> {
    let capacity = disk.facts().capacity;
    match content.length().filter(|image| *image > capacity) {
        Some(image) => Err(TargetError::TooSmall {
            path: disk.path().into(),
            capacity,
            image,
        }),
        None => Ok(()),
    }
}

fn copy_image(
    image: &dyn Image,
    disk: &Disk,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Copied, CopyError> {
    let plan = Plan::new(image.length(), disk.facts());
    let work = Work::new(Some(image), disk, progress);
    let shared = reflink::share(image, disk);
    work.advance(shared);
    run(&work, 0, |jobs, _| {
        cut(image, &plan, shared, &jobs).and_then(|()| jobs.zero_rest(&plan))
    })?;
    image.check_unchanged()?;
    Ok(work.copied(&plan, shared))
}

/// Hands out the image from `at` on, in ranges of whole blocks.
fn cut(image: &dyn Image, plan: &Plan, at: u64, jobs: &Jobs<'_>) -> Result<(), CopyError> {
    let chunk = u64::try_from(image.grain().max(CHUNK)).unwrap_or(u64::MAX);
    let mut at = at;
    while at < plan.end() {
        let data = plan.next_data(image, at)?;
        jobs.zero(at..data.start, plan.image())?;
        at = data.start;
        while at < data.end {
            // Ends of chunks are multiples of their size, so that nothing is decompressed twice.
            let end = (at - at % chunk).saturating_add(chunk).min(data.end);
            jobs.work.prepare(&(at..end), data.end);
            jobs.give(Job::Copy(at, plan.piece(&(at..end))))?;
            at = end;
        }
    }
    Ok(())
}

fn copy_stream(
    mut bytes: Box<dyn Read + Send>,
    length: Option<u64>,
    disk: &Disk,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Copied, CopyError> {
    let work = Work::new(None, disk, progress);
    let mut plan = Plan::new(0, disk.facts());
    run(&work, BUFFERS, |jobs, free| {
        let came = read_all(&mut bytes, disk, &jobs, free)?;
        if came == 0 {
            return Err(CopyError::Empty);
        }
        if let Some(expected) = length.filter(|expected| *expected != came) {
            return Err(CopyError::Length { came, expected });
        }
        plan = Plan::new(came, disk.facts());
        jobs.zero_rest(&plan)
    })?;
    Ok(work.copied(&plan, 0))
}

/// Reads a stream to its end, hands out what came, and says how much that was.
fn read_all(
    bytes: &mut dyn Read,
    disk: &Disk,
    jobs: &Jobs<'_>,
    free: &Receiver<AlignedBuffer>,
) -> Result<u64, CopyError> {
    let capacity = disk.facts().capacity;
    let mut at = 0_u64;
    loop {
        // A writer always gives its buffer back, so this waits for one write at most.
        let mut buffer = free.recv().map_err(|_| CopyError::Stopped)?;
        let length = fill(bytes, buffer.first_mut(CHUNK)).map_err(ImageError::Stream)?;
        if length == 0 {
            return Ok(at);
        }
        let room = capacity.saturating_sub(at);
        let end = at.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if end > capacity {
            let path = disk.path().into();
            return Err(CopyError::TooLong { path, capacity });
        }
        let padded = length.next_multiple_of(ALIGNMENT);
        let padded = padded.min(usize::try_from(room).unwrap_or(usize::MAX));
        if let Some(padding) = buffer.first_mut(padded).get_mut(length..) {
            padding.fill(0);
        }
        jobs.give(Job::Write(Chunk {
            buffer,
            piece: Piece { length, padded },
            offset: at,
        }))?;
        at = end;
    }
}

fn fill(from: &mut dyn Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(count) => length = length.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Runs the writers, and beside them `produce`, which gives them their jobs, and returns the
/// first failure of any of them.
fn run(
    work: &Work<'_>,
    buffers: usize,
    produce: impl FnOnce(Jobs<'_>, &Receiver<AlignedBuffer>) -> Result<(), CopyError>,
) -> Result<(), CopyError> {
    let (jobs, to_do) = sync_channel::<Job>(BUFFERS);
    let (used, free) = sync_channel::<AlignedBuffer>(buffers);
    for _ in 0..buffers {
        // The channel has room for all of them, and its other end is right here.
        let _ = used.send(AlignedBuffer::new(CHUNK));
    }
    thread::scope(|scope| {
        // Writers alone hold these ends, so that the producer notices when there are none.
        let to_do = Arc::new(Mutex::new(to_do));
        for number in 1..=WRITERS {
            let (to_do, used) = (Arc::clone(&to_do), used.clone());
            let writer = move || work.do_all(&to_do, &used);
            let name = format!("writer-{number}");
            let started = (thread::Builder::new().name(name)).spawn_scoped(scope, writer);
            if let Err(error) = started {
                work.fail(CopyError::Thread { error });
            }
        }
        drop((to_do, used));
        if let Err(error) = produce(Jobs { work, jobs }, &free) {
            work.fail(error);
        }
        // The producer's end is closed now: the writers do what is left, and end.
    });
    work.outcome()
}

/// The producer's end of the queue.
struct Jobs<'a> {
    work: &'a Work<'a>,
    jobs: SyncSender<Job>,
}

impl Jobs<'_> {
    /// What is behind the image.
    fn zero_rest(&self, plan: &Plan) -> Result<(), CopyError> {
        plan.rest()
            .into_iter()
            .try_for_each(|range| self.zero(range, plan.image()))
    }

    /// A range to be zeroed, as far as it lies within the image of `length` bytes part of it.
    fn zero(&self, range: Range<u64>, length: u64) -> Result<(), CopyError> {
        if range.is_empty() {
            return Ok(());
        }
        let counted = (range.end.min(length)).saturating_sub(range.start.min(length));
        self.give(Job::Zero(range, counted))
    }

    /// Gives a job to the writers. When they stopped, or there are none, so does the producer;
    /// the reason is on record already.
    fn give(&self, job: Job) -> Result<(), CopyError> {
        if self.work.stopped() {
            return Err(CopyError::Stopped);
        }
        self.jobs.send(job).map_err(|_| CopyError::Stopped)
    }
}
