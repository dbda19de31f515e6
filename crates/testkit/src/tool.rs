//! Runs a program of the system and gives its output, or says why there is none.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

/// Where the system's programs are; a developer's own directories may hide them.
const SYSTEM: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A program with its arguments.
#[derive(Debug)]
pub struct Tool {
    command: Command,
    input: Vec<u8>,
}

impl Tool {
    /// The system's program of this name, speaking English.
    #[must_use]
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(name);
        command.env("PATH", SYSTEM).env("LC_ALL", "C");
        Tool {
            command,
            input: Vec::new(),
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.args([arg])
    }

    /// Runs it in this directory.
    #[must_use]
    pub fn directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Gives it this on its standard input.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Its standard output as text.
    ///
    /// # Errors
    /// When it cannot be started or fails; then with the end of what it said.
    pub fn run(self) -> Result<String> {
        let name = format!("{:?}", self.command);
        let output = self.output()?;
        if !output.status.success() {
            bail!("{name}: {}\n{}", output.status, said(&output));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Its status and everything it wrote, whether it failed or not.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn output(mut self) -> Result<Output> {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {:?}", self.command))?;
        let stdin = child.stdin.take();
        thread::scope(|scope| {
            let input = self.input;
            // A program that ends without reading its input is judged by its status.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(&input)));
            child.wait_with_output().context("waiting for a program")
        })
    }
}

/// The end of what a program wrote, its errors last.
#[must_use]
pub fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy);
    let lines: Vec<_> = text.iter().flat_map(|text| text.lines()).collect();
    let skipped = lines.len().saturating_sub(30);
    lines
        .into_iter()
        .skip(skipped)
        .collect::<Vec<_>>()
        .join("\n")
}
