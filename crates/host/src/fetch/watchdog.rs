//! The end of a step that takes too long, whatever a server sends in it.
//!
//! A time limit of each read is not enough: a server may frame a body with chunks, extensions and trailers
//! that never end, a byte at a time, of which the reader of the body sees nothing.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::report::Report;
use crate::role::Reporter;

/// How many times the patience a step may take, in which each part may take it once: the name, the
/// connection, the request, the answer's head, and what comes of it.
const PARTS: u32 = 5;

/// How long a step may take, and when the one that is under way must have ended.
static WATCHED: Mutex<(Option<Duration>, Option<Instant>)> = Mutex::new((None, None));

/// What a server is given up for.
const REASON: &str =
    "the server took too long: it keeps its connection, and sends hardly anything on it";

/// Watches over this process, of which the fetching is all, and ends it with this last word.
pub(super) fn start(reporter: Reporter, patience: Duration) -> io::Result<()> {
    locked().0 = Some(patience.saturating_mul(PARTS));
    let pause = (patience / 4).min(Duration::from_secs(1));
    let watch = move || {
        loop {
            thread::sleep(pause);
            let deadline = locked().1;
            if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                let reason = REASON.into();
                // Where the host is gone nobody wants to know.
                let _ = reporter.report(&Report::Failed { reason });
                process::exit(0);
            }
        }
    };
    let thread = thread::Builder::new().name("watchdog".into());
    thread.spawn(watch).map(drop)
}

/// Takes a step that speaks to a server. Steps are taken one after the other.
pub(super) fn within<T>(step: impl FnOnce() -> T) -> T {
    {
        let mut watched = locked();
        let limit = watched.0;
        watched.1 = limit.and_then(|limit| Instant::now().checked_add(limit));
    }
    let outcome = step();
    locked().1 = None;
    outcome
}

fn locked() -> MutexGuard<'static, (Option<Duration>, Option<Instant>)> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}
