//! A web server over a directory, which knows versions of files and says what it was asked for.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

const PROGRAM: &str = include_str!("web.py");

/// A running server; it ends with its handle.
#[derive(Debug)]
pub struct Web {
    program: Child,
    port: u16,
    place: TempDir,
}

impl Web {
    /// Starts one over a directory. Of a file whose name begins with `held` it sends half, and the rest
    /// once there is a file `release`; one whose name begins with `plain` has no ETag.
    ///
    /// # Errors
    /// When python3 is missing.
    pub fn over(directory: &Path) -> Result<Self> {
        let place = tempfile::tempdir()?;
        let mut program = Command::new("python3")
            .args(["-c", PROGRAM])
            .arg(directory)
            .arg(place.path().join("log"))
            .stdout(Stdio::piped())
            .spawn()
            .context("starting python3")?;
        let mut line = String::new();
        let stdout = program.stdout.take().context("its output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Web {
            program,
            port: line.trim().parse().context("the server's port")?,
            place,
        })
    }

    /// The URL of a file, with secrets in it.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        let port = self.port;
        format!("http://me:hunter2@127.0.0.1:{port}/{name}?token=hunter2")
    }

    /// The answers until now: a status and a name each.
    #[must_use]
    pub fn answers(&self) -> Vec<String> {
        let log: PathBuf = self.place.path().join("log");
        let text = fs::read_to_string(log).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
