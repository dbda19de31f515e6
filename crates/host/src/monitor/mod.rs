//! What the world hears of a deployment while it runs.
// SPDX-License-Identifier: BSD-2-Clause

mod bar;
mod json;
mod message;
mod program;
mod queue;

pub use bar::ProgressBar;
pub use json::JsonLines;
use json::line;
pub use message::Message;
pub use program::Program;

/// Takes the messages of one deployment. Called from several threads; never blocks for long
/// and never fails the deployment.
pub trait Monitor: Send + Sync {
    /// One message, in the order of time for each thread.
    fn message(&self, message: &Message);

    /// One line of the helper's console, made harmless.
    fn console(&self, _line: &str) {}
}
