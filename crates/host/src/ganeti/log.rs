//! The log that Ganeti keeps of a script: a story with UTC times on standard error.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::text::escaped;

static DETAILS: AtomicBool = AtomicBool::new(false);

/// Sends the log of this process to standard error.
pub(super) fn start() {
    // Only a second call can fail, and the first one's settings are as good.
    let _ = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(Level::DEBUG)
        .event_format(Story)
        .try_init();
}

/// From here on every detail is logged.
pub(super) fn show_details() {
    DETAILS.store(true, Ordering::Relaxed);
}

fn is_ours(event: &Event<'_>) -> bool {
    event.metadata().target().starts_with("snf_image")
}

/// `2026-01-02T03:04:05.678Z [INFO] text`, one line whatever is in the text.
struct Story;

impl<S, N> FormatEvent<S, N> for Story
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARNING",
            Level::INFO => "INFO",
            // Those of libraries could hold a whole URL, and that a password.
            _ if DETAILS.load(Ordering::Relaxed) && is_ours(event) => "DEBUG",
            _ => return Ok(()),
        };
        let mut text = String::new();
        context
            .field_format()
            .format_fields(Writer::new(&mut text), event)?;
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
        writeln!(writer, "{now} [{level}] {}", escaped(&text))
    }
}
