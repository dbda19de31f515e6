//! Ceph on this machine: a monitor, an OSD that keeps all in memory, and a gateway for S3.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::tool::Tool;

/// The name of the gateway's user.
pub const KEY: &str = "AKTESTER";

/// The gateway's user's secret.
pub const SECRET: &str = "hunter2";

/// Where the scripts are that start and end it.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ceph");

/// A cluster that is gone with this value.
#[derive(Debug)]
pub struct Ceph(PathBuf);

impl Ceph {
    /// Starts one with a pool for disks, `instances`, and its files in `directory`, which it makes.
    ///
    /// # Errors
    /// When the Debian packages of Ceph are missing, or it does not come up.
    pub fn start(directory: &Path) -> Result<Self> {
        fs::create_dir(directory)?;
        let ceph = Ceph(directory.into());
        Tool::new(format!("{SCRIPTS}/up"))
            .arg(directory)
            .arg("instances")
            .run()?;
        Ok(ceph)
    }

    /// What is `/etc/ceph` on a node.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// Runs `rbd`.
    ///
    /// # Errors
    /// When it fails.
    pub fn rbd(&self, arguments: &[&str]) -> Result<()> {
        let conf = self.0.join("ceph.conf");
        let rbd = Tool::new("rbd").arg("--conf").arg(conf).args(arguments);
        rbd.run().map(drop)
    }

    /// Starts a gateway.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn gateway(&self) -> Result<Gateway<'_>> {
        let script = Tool::new(format!("{SCRIPTS}/gateway"));
        let port = script.arg(&self.0).args([KEY, SECRET]).run()?;
        let port = port.trim().parse().context("the gateway's port")?;
        Ok(Gateway { ceph: self, port })
    }
}

impl Drop for Ceph {
    fn drop(&mut self) {
        let _ = Tool::new(format!("{SCRIPTS}/down")).arg(&self.0).run();
    }
}

/// A gateway, which speaks S3 over TLS.
#[derive(Debug)]
pub struct Gateway<'a> {
    ceph: &'a Ceph,
    port: u16,
}

impl Gateway<'_> {
    /// Where it serves.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The certificate by which it is known, in PEM.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn certificate(&self) -> Result<String> {
        Ok(fs::read_to_string(self.ceph.0.join("gateway.crt"))?)
    }

    /// Makes a bucket.
    ///
    /// # Errors
    /// When it is not made.
    pub fn make(&self, bucket: &str) -> Result<()> {
        self.curl(&["--request", "PUT"], bucket)
    }

    /// Stores an object, whose name is encoded as in a URL, in a bucket that is there.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn put(&self, bucket: &str, name: &str, content: &Path) -> Result<()> {
        let content = content.to_str().context("the file's name")?;
        self.curl(&["--upload-file", content], &format!("{bucket}/{name}"))
    }

    fn curl(&self, arguments: &[&str], path: &str) -> Result<()> {
        let curl = Tool::new("curl")
            .args(["--silent", "--show-error", "--fail", "--path-as-is"])
            .args(["--aws-sigv4", "aws:amz:us-east-1:s3"])
            // curl 7.88 signs this where it is given, and leaves it out otherwise.
            .args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"])
            .args(["--user", &format!("{KEY}:{SECRET}"), "--cacert"])
            .arg(self.ceph.0.join("gateway.crt"))
            .args(arguments)
            .arg(format!("{}/{path}", self.url()));
        curl.run().map(drop)
    }
}
