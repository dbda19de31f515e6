//! An iSCSI target that runs in user space (tgt).
// SPDX-License-Identifier: BSD-2-Clause

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::tool::Tool;

const NAME: &str = "iqn.2026-01.org.example:disk";

/// How long the daemon may take until it can be spoken to. It gives no sign.
const LIMIT: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(20);

/// The number of the daemon's control socket, of at most 32767 (tgtadm(8)).
fn control(port: u16) -> String {
    (port & 0x7fff).to_string()
}

/// A target with one logical unit. Dropped, it is gone.
#[derive(Debug)]
pub struct Target {
    daemon: Child,
    port: u16,
}

impl Target {
    /// Serves a file to this user.
    ///
    /// # Errors
    /// When the daemon does not come up or does not take it.
    pub fn serving(disk: &Path, user: &str, password: &str) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let daemon = Command::new("tgtd")
            .args(["-f", "-C", &control(port), "--iscsi"])
            .arg(format!("portal=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let target = Target { daemon, port };
        let deadline = Instant::now() + LIMIT;
        while let Err(error) = target.tell(&["--op", "show", "--mode", "target"]) {
            if Instant::now() > deadline {
                bail!("tgtd does not answer: {error:#}");
            }
            thread::sleep(INTERVAL);
        }
        let disk = disk.display().to_string();
        target.tell(&["--op", "new", "--mode", "target", "--tid", "1", "-T", NAME])?;
        target.tell(&[
            "--op",
            "new",
            "--mode",
            "logicalunit",
            "--tid",
            "1",
            "--lun",
            "1",
            "-b",
            &disk,
        ])?;
        target.tell(&[
            "--op",
            "new",
            "--mode",
            "account",
            "--user",
            user,
            "--password",
            password,
        ])?;
        target.tell(&[
            "--op", "bind", "--mode", "account", "--tid", "1", "--user", user,
        ])?;
        target.tell(&[
            "--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL",
        ])?;
        Ok(target)
    }

    /// The logical unit's URI, for this user.
    #[must_use]
    pub fn uri(&self, user: &str, password: &str) -> String {
        format!("iscsi://{user}%{password}@127.0.0.1:{}/{NAME}/1", self.port)
    }

    fn tell(&self, arguments: &[&str]) -> Result<()> {
        let tool = Tool::new("tgtadm").args(["-C", &control(self.port), "--lld", "iscsi"]);
        tool.args(arguments).run().map(drop)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
        for name in ["socket", "socket.lock"] {
            let name = name.replacen("socket", &format!("socket.{}", control(self.port)), 1);
            let _ = std::fs::remove_file(Path::new("/run/tgtd").join(name));
        }
    }
}
