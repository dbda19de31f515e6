//! What a script tells while it works: the log, and the administrator's monitor.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::monitor::{Message, Monitor, Program};

/// How often the log tells of the copy's progress.
const INTERVAL: Duration = Duration::from_secs(3);

/// The log and, in `create`, the monitor. The log tells in words, and each thing once: of the
/// helper whoever watches it does, and of failures whoever ends the script.
pub(super) struct Story {
    monitor: Mutex<Option<Program>>,
    told: Mutex<Option<Instant>>,
}

impl Story {
    /// Starts PROGRESS_MONITOR, if there is one, for the instance of that name.
    pub(super) fn begin(program: &Path, instance: Option<&str>) -> Self {
        let started = match program.as_os_str().is_empty() {
            true => None,
            false => Some(Program::start(program, instance.unwrap_or_default())),
        };
        if let Some(Err(error)) = &started {
            let program = program.display();
            tracing::warn!("PROGRESS_MONITOR {program} does not start: {error}");
        }
        Story::of(started.and_then(Result::ok))
    }

    /// Only the log.
    pub(super) fn quiet() -> Self {
        Story::of(None)
    }

    fn of(monitor: Option<Program>) -> Self {
        Story {
            monitor: Mutex::new(monitor),
            told: Mutex::new(None),
        }
    }

    /// Sees to it that the monitor has got the last message, within bounds.
    pub(super) fn end(&self) {
        let monitor = lock(&self.monitor).take();
        if let Some(program) = monitor {
            program.finish();
        }
    }

    fn is_due(&self) -> bool {
        let mut told = lock(&self.told);
        let due = told.is_none_or(|told| told.elapsed() >= INTERVAL);
        if due {
            *told = Some(Instant::now());
        }
        due
    }
}

impl Monitor for Story {
    fn message(&self, message: &Message) {
        match message {
            Message::ImageInfo { messages } => tracing::info!("{}", messages.join(" ")),
            Message::ImageCopyProgress {
                position,
                total,
                progress,
            } if self.is_due() => {
                tracing::info!("{position} of {total} bytes are copied ({progress:.0} %)");
            }
            _ => {}
        }
        if let Some(program) = &*lock(&self.monitor) {
            program.message(message);
        }
    }

    fn console(&self, line: &str) {
        tracing::info!("HELPER: {line}");
    }
}

/// A thread that panicked while it held one of these locks has left nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
