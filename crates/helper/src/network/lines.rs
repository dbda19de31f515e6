//! Text that grows line by line.
// SPDX-License-Identifier: BSD-2-Clause

use super::MARK;

/// Lines, each ended.
#[derive(Debug, Default)]
pub(super) struct Lines(String);

impl Lines {
    /// Text that begins with a comment which says where it comes from.
    pub(super) fn marked() -> Self {
        Lines(format!("# {MARK}.\n"))
    }

    pub(super) fn add(&mut self, line: impl AsRef<str>) {
        self.0.push_str(line.as_ref());
        self.0.push('\n');
    }

    /// Adds `KEY=value` when there is a value.
    pub(super) fn set(&mut self, key: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.add(format!("{key}={}", value.to_string()));
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// The items as words.
pub(super) fn words<T: ToString>(items: &[T]) -> String {
    let words: Vec<_> = items.iter().map(ToString::to_string).collect();
    words.join(" ")
}
