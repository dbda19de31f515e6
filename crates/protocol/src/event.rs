//! What the helper reports while it works: one JSON object a line on its third serial port.
// SPDX-License-Identifier: BSD-2-Clause

use serde::{Deserialize, Serialize};

/// The longest event line that the host accepts, in bytes, newline included.
pub const MAX_EVENT_LINE: usize = 8 * 1024;

/// How many events of one run the host looks at; the rest is dropped with one warning.
pub const MAX_EVENTS: usize = 1000;

/// One thing that happened in the helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// The helper is up and waits at the gate; it has touched no disk yet.
    Ready {
        /// [`crate::VERSION`] of the helper.
        protocol: u32,
        /// Release of the helper, for the log.
        release: String,
    },
    /// A task begins.
    TaskStart {
        /// Its name without the number.
        task: String,
    },
    /// The task just begun has nothing to do; its end follows.
    Skipped {
        /// Its name without the number.
        task: String,
        /// Why, for a person.
        reason: String,
    },
    /// A task ended well.
    TaskEnd {
        /// Its name without the number.
        task: String,
    },
    /// What the helper found out or decided by itself.
    Notice {
        /// For a person.
        message: String,
    },
    /// Something that the administrator should know and that does not fail the run.
    Warning {
        /// For a person.
        message: String,
    },
    /// Why the run failed.
    Error {
        /// For a person: what was wrong, where, and what to do.
        message: String,
    },
    /// The last lines that a failed program wrote to its standard error.
    Stderr {
        /// At most ten lines.
        lines: Vec<String>,
    },
    /// Every task ended well, every file system is unmounted and flushed.
    Finished {
        /// The key that came with the gate, as proof that the first process says this.
        key: String,
        /// The names of all tasks that ended, in their order.
        tasks: Vec<String>,
    },
}
