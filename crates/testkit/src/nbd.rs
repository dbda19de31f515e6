//! NBD servers of other projects, started on a socket that takes connections already.
// SPDX-License-Identifier: BSD-2-Clause

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process::wait_for_descendant;

/// Makes standard input the socket that the server was activated with (sd_listen_fds(3)).
const ACTIVATE: &str = "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"";

/// How long the shell may take to become the server.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A running server. Dropped, it is gone.
#[derive(Debug)]
pub struct Server {
    process: Child,
    address: Address,
}

#[derive(Debug)]
enum Address {
    Unix(PathBuf),
    Tcp(u16),
}

impl Server {
    /// Starts a server, its program first, on a unix socket of this path. It must take its
    /// socket as nbdkit and qemu-nbd do.
    ///
    /// # Errors
    /// When the socket cannot be made or the program cannot be started.
    pub fn on_path(path: &Path, command: &[&str]) -> Result<Self> {
        let listener = UnixListener::bind(path).with_context(|| path.display().to_string())?;
        let address = Address::Unix(path.to_owned());
        Self::start(listener.into(), address, command)
    }

    /// The same on a TCP port of 127.0.0.1 that is free.
    ///
    /// # Errors
    /// Likewise.
    pub fn on_port(command: &[&str]) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = Address::Tcp(listener.local_addr()?.port());
        Self::start(listener.into(), address, command)
    }

    fn start(listener: OwnedFd, address: Address, command: &[&str]) -> Result<Self> {
        let process = Command::new("sh")
            .args(["-c", ACTIVATE, "sh"])
            .args(command)
            .stdin(Stdio::from(listener))
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        let server = Server { process, address };
        // Before, it is a shell, and in between nothing that could be recognised.
        if let Some(program) = command.first() {
            wait_for_descendant(std::process::id(), program, START_LIMIT)?;
        }
        Ok(server)
    }

    /// Its URI for the export `name`.
    #[must_use]
    pub fn uri(&self, name: &str) -> String {
        match &self.address {
            Address::Unix(path) => format!("nbd+unix:///{name}?socket={}", path.display()),
            Address::Tcp(port) => format!("nbd://127.0.0.1:{port}/{name}"),
        }
    }

    /// A connection to it.
    ///
    /// # Errors
    /// When it is gone.
    pub fn connect(&self) -> Result<OwnedFd> {
        Ok(match &self.address {
            Address::Unix(path) => UnixStream::connect(path)?.into(),
            Address::Tcp(port) => std::net::TcpStream::connect(("127.0.0.1", *port))?.into(),
        })
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Address::Unix(path) = &self.address {
            let _ = std::fs::remove_file(path);
        }
    }
}
