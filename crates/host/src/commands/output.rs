//! What goes to the terminal, made harmless.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{self, Write};

use tracing_subscriber::filter::LevelFilter;

/// Warnings always, steps with `-v`, the helper's console with `-vv`.
pub(super) fn log_to_standard_error(verbose: u8) {
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
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{}", harmless(text));
}

/// Text that a program of ours made for another program to read.
pub(crate) fn say_as_is(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// The one line that says why.
pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "snf-image: {}", harmless(text));
}

/// A line that belongs to the complaint before.
pub(super) fn complain_more(text: &str) {
    let _ = writeln!(io::stderr(), "{}", harmless(text));
}

/// Names of files and words of the helper may hold control characters, which a terminal
/// would obey and which would make one line two.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        if sign.is_control() {
            out.extend(sign.escape_default());
        } else {
            out.push(sign);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn control_characters_are_shown_not_obeyed() {
        assert_eq!(
            super::harmless("a\x1b[31m\nb\u{9b}ä"),
            "a\\u{1b}[31m\\nb\\u{9b}ä"
        );
    }
}
