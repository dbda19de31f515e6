//! What a script tells while it works: the log, and the administrator's monitor.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::monitor::{self, Message, Monitor, Program};

/// How often the log tells of the copy's progress.
const INTERVAL: Duration = Duration::from_secs(3);

/// The log and, in `create`, the monitor. Without a PROGRESS_MONITOR its messages are in the
/// log too.
pub(super) struct Story {
    monitor: Mutex<Listener>,
    told: Mutex<Option<Instant>>,
}

enum Listener {
    Program(Program),
    Log,
    Nobody,
}

impl Story {
    /// Starts PROGRESS_MONITOR, if there is one, for the instance of that name.
    pub(super) fn begin(program: &Path, instance: Option<&str>) -> Self {
        let listener = if program.as_os_str().is_empty() {
            Listener::Log
        } else {
            match Program::start(program, instance.unwrap_or_default()) {
                Ok(program) => Listener::Program(program),
                Err(error) => {
                    tracing::warn!(
                        "PROGRESS_MONITOR {} does not start: {error}",
                        program.display()
                    );
                    Listener::Log
                }
            }
        };
        Story::of(listener)
    }

    /// Only the log.
    pub(super) fn quiet() -> Self {
        Story::of(Listener::Nobody)
    }

    fn of(listener: Listener) -> Self {
        Story {
            monitor: Mutex::new(listener),
            told: Mutex::new(None),
        }
    }

    /// Sees to it that the monitor has got the last message, within bounds.
    pub(super) fn end(&self) {
        let listener = std::mem::replace(&mut *lock(&self.monitor), Listener::Nobody);
        if let Listener::Program(program) = listener {
            program.finish();
        }
    }

    fn is_in_log(&self) -> bool {
        matches!(*lock(&self.monitor), Listener::Log)
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
                position, total, ..
            } if position < total && self.is_in_log() && !self.is_due() => return,
            _ => {}
        }
        match &*lock(&self.monitor) {
            Listener::Program(program) => program.message(message),
            Listener::Log => tracing::info!("[MONITOR] {}", monitor::line(message)),
            Listener::Nobody => {}
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
