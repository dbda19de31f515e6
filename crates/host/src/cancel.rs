//! The wish to stop, from a signal or from another part that failed.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use snf_image_sandbox::is_ignored;

/// The signals that ask a program to end.
const WISHES: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];

/// Shared by everything that runs in one deployment. Once cancelled, it stays so.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cancelled: AtomicBool,
    signal: AtomicI32,
    event: OwnedFd,
}

/// Signals would end the process instead of being a wish.
#[derive(Debug, thiserror::Error)]
#[error("preparing for signals: {0}")]
pub struct SignalsError(io::Error);

impl Cancel {
    /// A wish that nobody has had yet.
    ///
    /// # Errors
    /// When the system gives no eventfd(2).
    pub fn new() -> io::Result<Self> {
        Ok(Cancel(Arc::new(Inner {
            cancelled: AtomicBool::new(false),
            signal: AtomicI32::new(0),
            event: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })))
    }

    /// A wish that SIGINT, SIGTERM, SIGHUP or SIGQUIT is from here on, instead of the end of the process:
    /// clean-up still happens. One that the caller has ignored stays so, as nohup(1) wants it.
    ///
    /// # Errors
    /// When the system gives no eventfd(2), or takes no handler.
    pub fn by_signals() -> Result<Self, SignalsError> {
        let cancel = Cancel::new().map_err(SignalsError)?;
        let heeded = WISHES.into_iter().filter(|signal| !is_ignored(*signal));
        let mut signals = Signals::new(heeded).map_err(SignalsError)?;
        let wish = cancel.clone();
        std::thread::spawn(move || {
            for signal in signals.forever() {
                wish.cancel_by_signal(signal);
            }
        });
        Ok(cancel)
    }

    /// Asks everything that looks here to stop.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        // The counter can only be full when it was never read, and then it is readable.
        let _ = rustix::io::write(&self.0.event, &1_u64.to_ne_bytes());
    }

    /// Asks everything to stop because of a signal.
    pub fn cancel_by_signal(&self, signal: i32) {
        self.0.signal.store(signal, Ordering::SeqCst);
        self.cancel();
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// The signal that was the reason, if one was.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        Some(self.0.signal.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }
}

/// Readable, for poll(2), from the moment somebody asked; never to be read from.
impl AsFd for Cancel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
    }
}
