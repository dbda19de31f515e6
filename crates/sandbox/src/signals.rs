//! What the caller of this program has decided about signals.
// SPDX-License-Identifier: BSD-2-Clause

use std::mem::MaybeUninit;
use std::ptr;

use nix::libc;

/// Whether a signal is ignored by now, as nohup(1) has it for SIGHUP. A number that is no signal is not.
#[must_use]
pub fn is_ignored(signal: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: no new action is given, and the old one is written to memory of its very type, for which
    // all zeroes are valid should nothing be written.
    let (result, action) = unsafe {
        let result = libc::sigaction(signal, ptr::null(), action.as_mut_ptr());
        (result, action.assume_init())
    };
    result == 0 && action.sa_sigaction == libc::SIG_IGN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_told_from_what_is_not() {
        // Rust's own start ignores this one, and leaves the other alone.
        assert!(is_ignored(libc::SIGPIPE));
        assert!(!is_ignored(libc::SIGUSR1));
        assert!(!is_ignored(0));
    }
}
