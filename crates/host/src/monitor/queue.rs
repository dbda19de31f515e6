//! Lines on their way to a reader that may be slow: bounded, and what matters least goes first.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::VecDeque;

/// The most lines that wait, more than a deployment has besides its progress.
const MOST: usize = 1000;

/// Lines that wait.
#[derive(Debug, Default)]
pub(super) struct Queue(VecDeque<Line>);

#[derive(Debug)]
struct Line {
    text: String,
    is_progress: bool,
}

impl Queue {
    /// Takes a line. Of progress only the newest is worth anything; where all room is taken
    /// progress goes first, then the oldest.
    pub(super) fn push(&mut self, text: String, is_progress: bool) {
        let progress = |line: &Line| line.is_progress;
        if is_progress && self.0.back().is_some_and(progress) {
            self.0.pop_back();
        } else if self.0.len() >= MOST {
            let victim = self.0.iter().position(progress).unwrap_or(0);
            self.0.remove(victim);
        }
        self.0.push_back(Line { text, is_progress });
    }

    /// The next line.
    pub(super) fn pop(&mut self) -> Option<String> {
        self.0.pop_front().map(|line| line.text)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_dropped_first_and_the_last_line_stays() {
        let mut queue = Queue::default();
        for number in 0..3 * MOST {
            queue.push(format!("progress {number}"), true);
            queue.push(format!("text {number}"), false);
        }
        queue.push("the end".into(), false);
        let lines: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(lines.len(), MOST);
        assert_eq!(lines.last().unwrap(), "the end");
        assert!(lines.iter().all(|line| !line.starts_with("progress")));
    }

    #[test]
    fn only_the_newest_progress_waits() {
        let mut queue = Queue::default();
        for number in 0..9 {
            queue.push(format!("progress {number}"), true);
        }
        assert_eq!(queue.pop().unwrap(), "progress 8");
        assert_eq!(queue.pop(), None);
    }
}
