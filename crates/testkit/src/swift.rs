//! OpenStack Swift on this machine, which speaks its own API with TempAuth, and S3.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::memcached::Memcached;
use crate::tool::Tool;

/// The user, in TempAuth's and in S3's form.
pub const USER: &str = "test:tester";

/// The user's password.
pub const PASSWORD: &str = "hunter2";

const PROGRAM: &str = include_str!("whole_swift.py");

/// A running Swift; it ends with its handle, and all that it stores goes.
#[derive(Debug)]
pub struct Swift {
    program: Child,
    tokens: Memcached,
    port: u16,
    _place: TempDir,
}

impl Swift {
    /// Starts one.
    ///
    /// # Errors
    /// When the Debian packages of Swift or memcached are missing.
    pub fn start() -> Result<Self> {
        let place = tempfile::tempdir()?;
        let tokens = Memcached::start()?;
        let mut program = Command::new("/usr/bin/python3")
            .args(["-c", PROGRAM])
            .arg(place.path())
            .arg(tokens.port().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .context("starting python3")?;
        let mut line = String::new();
        let stdout = program.stdout.take().context("its output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let Ok(port) = line.trim().parse() else {
            let _ = program.kill();
            let _ = program.wait();
            bail!("Swift does not come up; it said: {line}");
        };
        Ok(Swift {
            program,
            tokens,
            port,
            _place: place,
        })
    }

    /// The port of 127.0.0.1 where it serves.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL at which tokens are given.
    #[must_use]
    pub fn auth_url(&self) -> String {
        format!("http://127.0.0.1:{}/auth/v1.0", self.port)
    }

    /// The URL of the user's account.
    #[must_use]
    pub fn storage_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1/AUTH_test", self.port)
    }

    /// A new token.
    ///
    /// # Errors
    /// When it gives none.
    pub fn token(&self) -> Result<String> {
        let answer = Tool::new("curl")
            .args(["--silent", "--fail", "--include"])
            .args(["--header", &format!("X-Auth-User: {USER}")])
            .args(["--header", &format!("X-Auth-Key: {PASSWORD}")])
            .arg(self.auth_url())
            .run()?;
        answer
            .lines()
            .find_map(|line| line.strip_prefix("X-Auth-Token: "))
            .map(|token| token.trim().to_owned())
            .with_context(|| format!("no token in {answer}"))
    }

    /// Stores an object, whose name is encoded as in a URL, and makes its container.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn put(&self, container: &str, name: &str, content: &Path) -> Result<()> {
        let token = format!("X-Auth-Token: {}", self.token()?);
        let container = format!("{}/{container}", self.storage_url());
        let curl = || Tool::new("curl").args(["--silent", "--show-error", "--fail"]);
        let header = ["--header", token.as_str()];
        curl()
            .args(header)
            .args(["--request", "PUT", &container])
            .run()?;
        curl()
            .args(header)
            .arg("--path-as-is")
            .arg("--upload-file")
            .arg(content)
            .arg(format!("{container}/{name}"))
            .run()?;
        Ok(())
    }

    /// Makes every token that was given invalid.
    ///
    /// # Errors
    /// When memcached is gone.
    pub fn expire_tokens(&self) -> Result<()> {
        self.tokens.flush()
    }
}

impl Drop for Swift {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_there_for_those_who_have_a_token() {
        let swift = Swift::start().unwrap();
        let content = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(content.path(), "content").unwrap();
        swift.put("images", "a%20b", content.path()).unwrap();
        let url = format!("{}/images/a%20b", swift.storage_url());
        let get = |token: &str| {
            let header = format!("X-Auth-Token: {token}");
            Tool::new("curl")
                .args(["--silent", "--fail", "--header", &header, &url])
                .run()
        };
        let token = swift.token().unwrap();
        assert_eq!(get(&token).unwrap(), "content");
        swift.expire_tokens().unwrap();
        assert!(get(&token).is_err());
    }
}
