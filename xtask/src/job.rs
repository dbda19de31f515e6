//! The job that the demo shows and the benchmark times: one image, everything customised.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use snf_image_testkit::tool::Tool;

use crate::paths;
use crate::phases::{self, Phase};

/// The size of the disk.
pub(crate) const SIZE: &str = "6G";

/// The machine's name.
pub(crate) const HOSTNAME: &str = "demo.example.org";

/// Where the file goes, and whose it becomes.
pub(crate) const GUEST_FILE: &str = "/opt/demo/hello.txt";

/// The files that a deployment is given.
#[derive(Debug)]
pub(crate) struct Job {
    /// The password of root, which stands in `password_file` too.
    pub(crate) password: String,
    /// One line.
    pub(crate) password_file: PathBuf,
    /// An SSH public key.
    pub(crate) key_file: PathBuf,
    /// A file to put into the image.
    pub(crate) local_file: PathBuf,
}

impl Job {
    /// Makes the files in an existing directory.
    pub(crate) fn prepare(directory: &Path) -> Result<Self> {
        let mut random = [0; 8];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let job = Job {
            password: format!("{:016x}", u64::from_ne_bytes(random)),
            password_file: directory.join("password"),
            key_file: directory.join("key.pub"),
            local_file: directory.join("hello.txt"),
        };
        fs::write(&job.password_file, format!("{}\n", job.password))?;
        fs::write(&job.local_file, "Hello from outside.\n")?;
        let private = directory.join("key");
        if private.exists() {
            fs::remove_file(&private)?;
        }
        Tool::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "demo", "-f"])
            .arg(private)
            .run()?;
        Ok(job)
    }

    /// Deploys the image onto a file that does not exist yet.
    pub(crate) fn deploy(&self, image: &Path, target: &Path) -> Result<Vec<Phase>> {
        self.deploy_with(image, target, &[])
    }

    /// Deploys it likewise and has the helper do nothing at all.
    pub(crate) fn deploy_idly(&self, image: &Path, target: &Path) -> Result<Vec<Phase>> {
        self.deploy_with(image, target, &["--property", "EXCLUDE_ALL_TASKS=yes"])
    }

    fn deploy_with(&self, image: &Path, target: &Path, more: &[&str]) -> Result<Vec<Phase>> {
        let start = now();
        let output = Command::new(paths::snf_image())
            .arg("--config")
            .arg(paths::config())
            .args(["--json", "deploy", "--format", "diskdump", "--image"])
            .arg(image)
            .arg("--target")
            .arg(target)
            .args(["--size", SIZE, "--hostname", HOSTNAME, "--password-file"])
            .arg(&self.password_file)
            .arg("--ssh-key")
            .arg(&self.key_file)
            .args(["--property", "USERS=root", "--inject"])
            .arg(format!(
                "{}:{GUEST_FILE}:root:root:0640",
                self.local_file.display()
            ))
            .args(more)
            .stderr(Stdio::inherit())
            .output()
            .context("starting snf-image")?;
        if !output.status.success() {
            bail!("snf-image deploy: {}", output.status);
        }
        let said = String::from_utf8_lossy(&output.stdout);
        Ok(phases::parse(&said, start, now()))
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}
