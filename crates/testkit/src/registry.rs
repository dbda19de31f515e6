//! A registry on this machine, the one that Debian packages, and how artifacts are pushed to it.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::Write;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tool::Tool;

/// The user, where one is asked for.
pub const USER: &str = "node";

/// The user's password.
pub const PASSWORD: &str = "hunter2";

/// A line of htpasswd for the two.
const HTPASSWD: &str = "node:$2b$04$jOu0P7is7qgIxBOI.ONuYeTV3TQCeeMU5PiAD0QQ8Iz8ML5N.F1g.\n";

/// A running registry; it ends with its handle, and all that it stores goes.
#[derive(Debug)]
pub struct Registry {
    program: Child,
    port: u16,
    place: TempDir,
    is_closed: bool,
}

/// One file of an artifact.
#[derive(Debug, Clone, Copy)]
pub struct Layer<'test> {
    /// Its content.
    pub content: &'test Path,
    /// Its media type.
    pub kind: &'test str,
    /// Its name, where it has one.
    pub title: Option<&'test str>,
}

impl Registry {
    /// Starts one that is open to all.
    ///
    /// # Errors
    /// When the Debian package docker-registry is missing.
    pub fn open() -> Result<Self> {
        Self::start("", false)
    }

    /// Starts one that wants to know [`USER`].
    ///
    /// # Errors
    /// When the Debian package docker-registry is missing.
    pub fn closed() -> Result<Self> {
        Self::start(
            "auth:\n  htpasswd:\n    realm: test\n    path: PLACE/htpasswd\n",
            true,
        )
    }

    fn start(more: &str, is_closed: bool) -> Result<Self> {
        let place = tempfile::tempdir()?;
        let at = place.path().display().to_string();
        let mut configuration = format!(
            "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {at}\n\
             http:\n  addr: 127.0.0.1:0\n"
        );
        configuration.push_str(&more.replace("PLACE", &at));
        fs::write(place.path().join("htpasswd"), HTPASSWD)?;
        let file = place.path().join("configuration");
        fs::write(&file, configuration)?;
        let mut program = Command::new("docker-registry")
            .arg("serve")
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting docker-registry")?;
        let stderr = program.stderr.take().context("its output")?;
        let mut reader = BufReader::new(stderr);
        let mut said = String::new();
        let port = loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                let _ = program.kill();
                let _ = program.wait();
                bail!("the registry does not come up: {said}");
            }
            let behind = line.split_once("listening on 127.0.0.1:");
            let digits = behind.map(|(_, behind)| {
                let digits = behind.chars().take_while(char::is_ascii_digit);
                digits.collect::<String>()
            });
            if let Some(port) = digits.and_then(|digits| digits.parse().ok()) {
                break port;
            }
            said.push_str(&line);
        };
        // It must not wait for somebody who reads its log.
        thread::spawn(move || reader.read_to_end(&mut Vec::new()));
        Ok(Registry {
            program,
            port,
            place,
            is_closed,
        })
    }

    /// The port of 127.0.0.1 where it serves.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Pushes an artifact, and gives the digest of its manifest.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn push(&self, name: &str, tag: &str, layers: &[Layer]) -> Result<String> {
        let mut described = Vec::new();
        for layer in layers {
            let mut descriptor = self.push_blob(name, layer.content, layer.kind)?;
            if let (Some(title), Some(fields)) = (layer.title, descriptor.as_object_mut()) {
                let annotations = json!({"org.opencontainers.image.title": title});
                fields.insert("annotations".into(), annotations);
            }
            described.push(descriptor);
        }
        let empty = self.place.path().join("empty");
        fs::write(&empty, "{}")?;
        let config = self.push_blob(name, &empty, "application/vnd.oci.empty.v1+json")?;
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": kind, "config": config, "layers": described,
        });
        self.push_manifest(name, tag, kind, &manifest)
    }

    /// Pushes a manifest or an index, and gives its digest.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn push_manifest(
        &self,
        name: &str,
        tag: &str,
        kind: &str,
        content: &Value,
    ) -> Result<String> {
        let file = self.place.path().join("manifest");
        fs::write(&file, content.to_string())?;
        let url = format!("http://127.0.0.1:{}/v2/{name}/manifests/{tag}", self.port);
        self.curl()
            .args([
                "--header",
                &format!("Content-Type: {kind}"),
                "--upload-file",
            ])
            .arg(&file)
            .arg(url)
            .run()?;
        sha256(&file)
    }

    fn push_blob(&self, name: &str, content: &Path, kind: &str) -> Result<Value> {
        let digest = sha256(content)?;
        let uploads = format!("http://127.0.0.1:{}/v2/{name}/blobs/uploads/", self.port);
        let answer = self
            .curl()
            .args(["--include", "--request", "POST", &uploads])
            .run()?;
        let location = answer
            .lines()
            .find_map(|line| line.strip_prefix("Location: "))
            .with_context(|| format!("no place to upload to in {answer}"))?;
        let mut location = location.trim().to_owned();
        let sign = if location.contains('?') { '&' } else { '?' };
        write!(location, "{sign}digest={digest}")?;
        self.curl()
            .args(["--header", "Content-Type: application/octet-stream"])
            .arg("--upload-file")
            .arg(content)
            .arg(location)
            .run()?;
        let size = fs::metadata(content)?.len();
        Ok(json!({"mediaType": kind, "digest": digest, "size": size}))
    }

    fn curl(&self) -> Tool {
        let curl = Tool::new("curl").args(["--silent", "--show-error", "--fail"]);
        if self.is_closed {
            curl.args(["--user", &format!("{USER}:{PASSWORD}")])
        } else {
            curl
        }
    }

    /// The file that holds a blob, which the registry sends without looking at it.
    ///
    /// # Errors
    /// When the digest is none of sha256.
    pub fn blob(&self, digest: &str) -> Result<PathBuf> {
        let hex = digest.strip_prefix("sha256:").context("not of sha256")?;
        let first = hex.get(..2).context("too short")?;
        let blobs = self.place.path().join("docker/registry/v2/blobs/sha256");
        Ok(blobs.join(first).join(hex).join("data"))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The digest of a file, as registries write it.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(file: &Path) -> Result<String> {
    let answer = Tool::new("sha256sum").arg("--").arg(file).run()?;
    let hex = answer.split(' ').next().unwrap_or_default();
    Ok(format!("sha256:{hex}"))
}
