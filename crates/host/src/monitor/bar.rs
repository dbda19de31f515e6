//! Messages as a progress bar, for a person at a terminal.
// SPDX-License-Identifier: BSD-2-Clause

use std::time::Duration;

use indicatif::{ProgressBar as Bar, ProgressDrawTarget, ProgressStyle};

use super::message::Helper;
use super::{Message, Monitor};

/// What is shown before the copy begins, and while it goes on: with and without an end that is known.
const WAITING: &str = "{spinner} {elapsed} {wide_msg}";
const COPYING: &str = "{spinner} [{bar:30}] {bytes}/{total_bytes} {elapsed} {wide_msg}";
const COUNTING: &str = "{spinner} {bytes} {elapsed} {wide_msg}";

/// A bar on standard error that goes away when it is dropped. Where standard error is no
/// terminal it shows nothing.
#[derive(Debug)]
pub struct ProgressBar(Bar);

impl ProgressBar {
    /// A bar that shows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let bar = Bar::with_draw_target(None, ProgressDrawTarget::stderr());
        show(&bar, WAITING);
        bar.enable_steady_tick(Duration::from_millis(200));
        ProgressBar(bar)
    }
}

fn show(bar: &Bar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
}

impl Default for ProgressBar {
    fn default() -> Self {
        Self::new()
    }
}

impl Monitor for ProgressBar {
    fn message(&self, message: &Message) {
        match message {
            Message::ImageInfo { messages } => self.0.set_message(messages.join(" ")),
            Message::ImageCopyProgress {
                position, total, ..
            } => {
                // Of some images nobody knows how long they will be.
                show(&self.0, if *total > 0 { COPYING } else { COUNTING });
                self.0.set_length(*total);
                self.0.set_position(*position);
            }
            Message::ImageHelper(Helper::TaskStart { task }) => self.0.set_message(task.clone()),
            Message::ImageHelper(_) | Message::ImageError { .. } => {}
        }
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
