//! Passes on what the helper says.
// SPDX-License-Identifier: BSD-2-Clause

use std::sync::Arc;

use snf_image_protocol::Event;

use crate::monitor::{Message, Monitor};
use crate::vm::Observer;

/// Turns events into messages and log lines.
pub(super) struct Watcher(pub(super) Arc<dyn Monitor>);

impl Observer for Watcher {
    fn console(&mut self, line: &str) {
        self.0.console(line);
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Ready { release, .. } => tracing::info!("helper {release} is up"),
            Event::TaskStart { task } => tracing::info!("{task} begins"),
            Event::TaskEnd { task } => tracing::info!("{task} ended"),
            Event::Skipped { task, reason } => tracing::info!("{task} was skipped: {reason}"),
            Event::Notice { message } => tracing::info!("helper: {message}"),
            Event::Warning { message } => tracing::warn!("helper: {message}"),
            // The failure itself is told at the end, in one line.
            Event::Error { .. } | Event::Stderr { .. } | Event::Finished { .. } => {}
        }
        if let Some(message) = Message::from_event(event) {
            self.0.message(&message);
        }
    }

    fn warning(&mut self, message: &str) {
        tracing::warn!("{message}");
        self.0.message(&Message::warning(message));
    }
}
