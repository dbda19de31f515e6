//! What every failure has in common: exit code, one line that says why, and nothing left.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{Deployment, Outcome, Scene};

impl Scene {
    /// Runs a command that has to fail with this exit code and one line that contains these
    /// words, and that leaves nothing behind.
    ///
    /// # Panics
    /// When it does not, with what it said.
    #[track_caller]
    pub fn fails(&self, command: &mut Command, code: i32, words: &[&str]) -> Outcome {
        let mut run = || -> Result<_> {
            let watch = self.watch()?;
            let outcome = Deployment::start(command)?.end()?;
            Ok((outcome, watch.leftovers()?))
        };
        let (outcome, leftovers) = match run() {
            Ok(found) => found,
            Err(error) => panic!("{command:?}: {error:#}"),
        };
        outcome.ended_with(code).gave_one_reason(words);
        assert_eq!(leftovers, Vec::<String>::new(), "left by {command:?}");
        outcome
    }
}

impl Outcome {
    /// Insists on one line on standard error, warnings of the log apart, that contains every
    /// one of these words, and on output without control characters.
    ///
    /// # Panics
    /// When there is another number of lines or a word is missing.
    #[track_caller]
    pub fn gave_one_reason(&self, words: &[&str]) -> &Self {
        let lines = self.stderr.lines();
        let lines: Vec<_> = lines.filter(|line| !line.contains("  WARN ")).collect();
        assert!(
            lines.len() == 1 && self.stderr.ends_with('\n'),
            "not one line:\n{}",
            self.stderr
        );
        for line in &lines {
            for word in words {
                assert!(line.contains(word), "no {word:?} in: {line}");
            }
        }
        self.steers_no_terminal()
    }

    /// Insists on output without control characters.
    ///
    /// # Panics
    /// When there is one.
    #[track_caller]
    pub fn steers_no_terminal(&self) -> &Self {
        for text in [&self.stdout, &self.stderr] {
            let mut signs = text.chars();
            let found = signs.find(|sign| sign.is_control() && !matches!(sign, '\n' | '\t'));
            assert_eq!(found, None, "in {text:?}");
        }
        self
    }
}

/// A file as it was.
#[derive(Debug)]
pub struct Original {
    path: PathBuf,
    content: Vec<u8>,
}

impl Original {
    /// Keeps its content in mind.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(path: &Path) -> Result<Self> {
        Ok(Original {
            path: path.to_owned(),
            content: fs::read(path)?,
        })
    }

    /// Insists that it is the same, byte for byte.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn is_untouched(&self) {
        let content = fs::read(&self.path).unwrap_or_default();
        assert!(
            content == self.content,
            "{} has changed",
            self.path.display()
        );
    }
}
