//! Several threads unpack pieces of compressed data at once; they come out in their order.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::VecDeque;
use std::io;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// The most threads: beyond, the disk is what is waited for.
const THREADS: usize = 8;

/// Pieces that wait to be read, beside one in each thread's hands.
const AHEAD: usize = 2;

/// Bytes in work, packed and unpacked, from which on no piece is begun.
const ENOUGH: usize = 96 << 20;

/// The largest memory that is kept for the next piece, in bytes: the frames of pzstd need as
/// much, and fresh memory costs a processor time at its first use.
const KEPT: usize = 9 << 20;

/// A piece that can be unpacked by itself.
pub(super) trait Unit: Send + 'static {
    /// Bytes that it takes up: packed, and at most when unpacked.
    fn weight(&self) -> usize;

    /// Makes `into`, which may hold anything, hold what is in it.
    ///
    /// # Errors
    /// When it is damaged.
    fn unpack(self, into: &mut Vec<u8>) -> io::Result<()>;
}

/// What becomes of a piece.
type Unpacked = io::Result<Vec<u8>>;

/// A piece for a thread, memory for what is in it, and where it is awaited.
type Job<U> = (U, Vec<u8>, SyncSender<Unpacked>);

/// The threads, which start when there is something to do.
pub(super) struct Pool<U> {
    jobs: Option<SyncSender<Job<U>>>,
    threads: Vec<JoinHandle<()>>,
    /// In the order of the pieces, with their weight.
    awaited: VecDeque<(usize, Receiver<Unpacked>)>,
    weight: usize,
    spare: Vec<Vec<u8>>,
}

impl<U: Unit> Pool<U> {
    pub(super) fn new() -> Self {
        Pool {
            jobs: None,
            threads: Vec::new(),
            awaited: VecDeque::new(),
            weight: 0,
            spare: Vec::new(),
        }
    }

    /// Whether to begin one more piece.
    pub(super) fn has_room(&self) -> bool {
        self.weight < ENOUGH && self.awaited.len() < threads().saturating_add(AHEAD)
    }

    /// Has a piece unpacked.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn give(&mut self, unit: U) -> io::Result<()> {
        if self.jobs.is_none() {
            self.start()?;
        }
        let weight = unit.weight();
        let (done, awaited) = sync_channel(1);
        if let Some(jobs) = &self.jobs {
            let job = (unit, self.spare.pop().unwrap_or_default(), done);
            jobs.send(job).map_err(|_| stopped())?;
        }
        self.awaited.push_back((weight, awaited));
        self.weight = self.weight.saturating_add(weight);
        Ok(())
    }

    /// Waits for the first piece that was given; `None` when there is none.
    pub(super) fn next(&mut self) -> Option<Unpacked> {
        let (weight, awaited) = self.awaited.pop_front()?;
        self.weight = self.weight.saturating_sub(weight);
        Some(awaited.recv().unwrap_or_else(|_| Err(stopped())))
    }

    /// Takes memory that is no longer needed.
    pub(super) fn recycle(&mut self, memory: Vec<u8>) {
        if memory.capacity() <= KEPT {
            self.spare.push(memory);
        }
    }

    fn start(&mut self) -> io::Result<()> {
        let count = threads();
        let (jobs, to_do) = sync_channel(count.saturating_add(AHEAD));
        let to_do = Arc::new(Mutex::new(to_do));
        for number in 1..=count {
            let to_do = Arc::clone(&to_do);
            let name = format!("unpack-{number}");
            let thread = thread::Builder::new().name(name);
            self.threads.push(thread.spawn(move || work(&to_do))?);
        }
        self.jobs = Some(jobs);
        Ok(())
    }
}

/// Threads end when there is nothing more to come.
impl<U> Drop for Pool<U> {
    fn drop(&mut self) {
        self.jobs = None;
        self.awaited.clear();
        for thread in self.threads.drain(..) {
            // What it panicked of was missed by who awaited it.
            let _ = thread.join();
        }
    }
}

fn work<U: Unit>(to_do: &Mutex<Receiver<Job<U>>>) {
    loop {
        let job = to_do.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((unit, mut memory, done)) = job else {
            return;
        };
        let unpacked = unit.unpack(&mut memory).map(|()| memory);
        // Nobody waits any more when the copy has failed.
        let _ = done.send(unpacked);
    }
}

fn stopped() -> io::Error {
    io::Error::other("a thread that unpacks has stopped")
}

fn threads() -> usize {
    thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(THREADS)
}
