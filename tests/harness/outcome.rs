//! How a command ended.
// SPDX-License-Identifier: BSD-2-Clause

use std::process::Output;

/// Exit code and output.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Insists on success.
    ///
    /// # Panics
    /// When it failed; with what it said.
    #[track_caller]
    pub fn succeeded(&self) -> &Self {
        self.ended_with(0)
    }

    /// Insists on this exit code.
    ///
    /// # Panics
    /// When it is another; with what the command said.
    #[track_caller]
    pub fn ended_with(&self, code: i32) -> &Self {
        assert_eq!(
            self.code,
            Some(code),
            "standard output:\n{}\nstandard error:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Insists on one line on standard error that contains every one of these words.
    ///
    /// # Panics
    /// When there is another number of lines or a word is missing.
    #[track_caller]
    pub fn complained_of(&self, words: &[&str]) -> &Self {
        let lines: Vec<_> = self.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "not one line:\n{}", self.stderr);
        for word in words {
            assert!(
                self.stderr.contains(word),
                "no {word:?} in: {}",
                self.stderr
            );
        }
        self
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
