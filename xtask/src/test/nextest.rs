//! Runs cargo-nextest and counts what passed.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result};

use super::Count;
use crate::command::cargo;

/// Where all tests are.
pub(crate) const EVERYWHERE: &[&str] = &["--workspace"];

/// Runs the tests that nextest's `filter` selects, with more arguments for it, which say where it looks, and
/// these variables. What fails is shown as it happens.
pub(crate) fn run(
    filter: &str,
    arguments: &[&str],
    variables: &[(&str, PathBuf)],
) -> Result<Count> {
    let mut child = cargo()
        .args(["nextest", "run", "--cargo-quiet", "--no-fail-fast"])
        .args(["--status-level", "fail", "--final-status-level", "slow"])
        .args(["--filterset", filter])
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stderr(Stdio::piped())
        .spawn()
        .context("starting cargo nextest")?;
    let mut count = None;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line.context("reading what nextest says")?;
            eprintln!("{line}");
            count = summary(&line).or(count);
        }
    }
    let status = child.wait()?;
    // Without a summary nothing ran, for instance because the tests did not compile.
    let mut count = count.unwrap_or(Count::of(false));
    if !status.success() && count.failed == 0 {
        count.failed = 1;
    }
    Ok(count)
}

/// Reads `Summary [ 1.0s] 9 tests run: 6 passed (1 slow), 2 failed, 1 timed out, 0 skipped`.
fn summary(line: &str) -> Option<Count> {
    let (head, counts) = line.split_once("run: ")?;
    if !head.trim_start().starts_with("Summary") {
        return None;
    }
    let mut count = Count::default();
    for part in counts.split(", ") {
        let mut words = part.split_whitespace();
        let number: u64 = words.next()?.parse().ok()?;
        match words.next()? {
            "passed" => count.passed += number,
            "skipped" => {}
            _ => count.failed += number,
        }
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_counted() {
        let line = "     Summary [   1.0s] 9 tests run: 6 passed (1 slow), 2 failed, 1 timed out, 0 skipped";
        assert_eq!(
            summary(line).unwrap(),
            Count {
                passed: 6,
                failed: 3
            }
        );
        let line = "     Summary [   0.8s] 32 tests run: 32 passed, 0 skipped";
        assert_eq!(
            summary(line).unwrap(),
            Count {
                passed: 32,
                failed: 0
            }
        );
        assert!(summary("        PASS [   0.0s] snf-image tests run: 1 passed").is_none());
        assert!(summary("a test that says: run: 3 passed").is_none());
    }
}
