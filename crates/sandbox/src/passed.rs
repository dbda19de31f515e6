//! The other end of passing descriptors: a confined program takes those that it was given.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::descriptors;

/// The descriptors that this process was started with, in the order in which they were added
/// to [`crate::Descriptors`]. They are closed on exec from here on. A second call gives none.
#[must_use]
pub fn passed() -> Vec<OwnedFd> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Vec::new();
    }
    (0..)
        .map(descriptors::number)
        .map_while(|number| {
            // SAFETY: the number is only asked about: F_GETFD of fcntl(2) fails for one that is
            // not open, and changes nothing.
            let flags = unsafe { nix::libc::fcntl(number, nix::libc::F_GETFD) };
            if flags < 0 {
                return None;
            }
            // SAFETY: it is open. The launcher put it there for this program, whose own
            // descriptors get the lowest free numbers, and this is the first and only taking.
            Some(unsafe { OwnedFd::from_raw_fd(number) })
        })
        .inspect(|taken| {
            // Fails only for a descriptor that is not open.
            let _ = rustix::io::fcntl_setfd(taken, rustix::io::FdFlags::CLOEXEC);
            debug_assert!(taken.as_raw_fd() >= descriptors::FIRST);
        })
        .collect()
}
