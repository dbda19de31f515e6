//! What goes to the terminal, made harmless.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Write};

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

/// One line on standard output. Nobody there to read it is no failure.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{}", escaped(text));
}

/// Text that a program of ours made for another program to read.
pub(crate) fn say_as_is(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// The one line that says why.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "snf-image: {}", escaped(text));
}

/// A line that belongs to the complaint before.
pub(crate) fn complain_more(text: &str) {
    let _ = writeln!(io::stderr(), "{}", escaped(text));
}
