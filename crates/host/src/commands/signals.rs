//! Turns signals into the wish to stop.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Failure;
use crate::cancel::Cancel;

/// From here on a signal is a wish to stop, and clean-up still happens.
pub(crate) fn cancel() -> Result<Cancel, Failure> {
    let failed = |error: io::Error| Failure::failed(&format!("preparing for signals: {error}"));
    let cancel = Cancel::new().map_err(failed)?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
    let wish = cancel.clone();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            wish.cancel_by_signal(signal);
        }
    });
    Ok(cancel)
}
