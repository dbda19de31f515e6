//! What goes to the terminal, made harmless.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use tracing_subscriber::filter::LevelFilter;

use crate::text::escaped;

/// Warnings always, steps with `-v`, the helper's console with `-vv`.
pub(crate) fn log_to_standard_error(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    // Only a second call can fail, and the first one's settings are as good.
    let _ = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(false)
        .with_max_level(level)
        .try_init();
}

/// The first line that standard output did not take, as long as nobody asked.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// One line on standard output. Nobody there to read it is no failure.
pub(crate) fn say(text: &str) {
    say_as_is(&escaped(text));
}

/// Text that a program of ours made for another program to read.
pub(crate) fn say_as_is(text: &str) {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
            lost.get_or_insert(error);
        }
        Ok(()) | Err(_) => {}
    }
}

/// Whether all lines were taken, or wanted by nobody any more: for commands that do nothing but say
/// something.
pub(crate) fn all_was_said() -> io::Result<()> {
    let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
    lost.take().map_or(Ok(()), Err)
}

/// The one line that says why.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "snf-image: {}", escaped(text));
}

/// A line that belongs to the complaint before.
pub(crate) fn complain_more(text: &str) {
    let _ = writeln!(io::stderr(), "{}", escaped(text));
}
