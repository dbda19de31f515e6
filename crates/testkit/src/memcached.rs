//! A memcached on this machine, in which Swift keeps its tokens.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long it may take to come up.
const LIMIT: Duration = Duration::from_secs(20);

/// How often its file is looked for.
const INTERVAL: Duration = Duration::from_millis(5);

/// A running memcached; it ends with its handle.
#[derive(Debug)]
pub(crate) struct Memcached {
    program: Child,
    port: u16,
}

impl Memcached {
    pub(crate) fn start() -> Result<Self> {
        let place = tempfile::tempdir()?;
        let ports = place.path().join("ports");
        let mut program = Command::new("memcached")
            .args(["-u", "root", "-l", "127.0.0.1", "-p", "-1", "-U", "0"])
            .args(["-t", "1"])
            .env("MEMCACHED_PORT_FILENAME", &ports)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("starting memcached")?;
        let deadline = Instant::now() + LIMIT;
        loop {
            // It writes another file and renames that.
            let text = fs::read_to_string(&ports).unwrap_or_default();
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("TCP INET: "));
            if let Some(port) = line.and_then(|port| port.parse().ok()) {
                return Ok(Memcached { program, port });
            }
            if Instant::now() > deadline {
                let _ = program.kill();
                let _ = program.wait();
                bail!("memcached does not come up");
            }
            thread::sleep(INTERVAL);
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Forgets everything.
    pub(crate) fn flush(&self) -> Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.write_all(b"flush_all\r\n")?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer)?;
        if answer != *b"OK\r\n" {
            bail!("memcached answers {answer:?}");
        }
        Ok(())
    }
}

impl Drop for Memcached {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
