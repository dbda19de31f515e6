//! A real Ganeti cluster: its commands, what its nodes keep, and an instance for a test.
// SPDX-License-Identifier: BSD-2-Clause

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use snf_image_testkit::ext::Ext;
use snf_image_testkit::{disk, tree};

use crate::{Outcome, Scene};

/// How long one command may take, in seconds. Several instances may be made at a time.
const LIMIT: &str = "600";

/// The cluster that `cargo xtask ganeti` has brought up.
#[derive(Debug, Clone)]
pub struct Cluster {
    scripts: PathBuf,
    state: PathBuf,
}

impl Cluster {
    /// Finds it, or says on standard error that the test is skipped.
    #[must_use]
    pub fn find() -> Option<Self> {
        let path = |variable| env::var_os(variable).map(PathBuf::from);
        let cluster = path("SNF_TESTBED").zip(path("SNF_TESTBED_STATE"));
        if cluster.is_none() {
            eprintln!("skipped: there is no cluster; `cargo xtask ganeti` makes one");
        }
        cluster.map(|(scripts, state)| Cluster { scripts, state })
    }

    /// Finds it and publishes a small Debian for it under this name, or says that the test is
    /// skipped.
    ///
    /// # Panics
    /// When there is a cluster, and the image cannot be made.
    #[must_use]
    pub fn with_debian(name: &str) -> Option<(Self, Published)> {
        let cluster = Self::find()?;
        let scene = Scene::set()?;
        let image = scene
            .small_image(tree::debian)
            .and_then(|image| cluster.publish(&image, name))
            .unwrap_or_else(|error| panic!("no image {name}: {error:#}"));
        Some((cluster, image))
    }

    /// Runs a command on the master node.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Outcome> {
        Self::outcome(self.on().args(arguments))
    }

    /// Runs a command on a node, from 1.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run_on<A: AsRef<OsStr>>(
        &self,
        node: u32,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Outcome> {
        Self::outcome(self.on().arg("-n").arg(node.to_string()).args(arguments))
    }

    /// The master node's answer of its remote API to this request of the administrator.
    ///
    /// # Errors
    /// When the request fails, or its answer is no JSON.
    pub fn rapi(&self, method: &str, path: &str, body: &str) -> Result<String> {
        let url = format!("https://cluster.gnt.test:5080{path}");
        let outcome = self.run([
            "curl",
            "--silent",
            "--insecure",
            "--user",
            "admin:secret",
            "--header",
            "Content-Type: application/json",
            "--request",
            method,
            "--data",
            body,
            &url,
        ])?;
        outcome.succeeded();
        Ok(outcome.stdout.clone())
    }

    /// Where a directory of a node lies on this machine: `log` is its `/var/log/ganeti`, `srv`
    /// its `/srv`, `etc` its `/etc`.
    #[must_use]
    pub fn node(&self, node: u32, directory: &str) -> PathBuf {
        self.state.join(format!("node{node}")).join(directory)
    }

    /// Where a node's `/run` is seen from outside, as long as the node is up.
    ///
    /// # Errors
    /// When it is down.
    pub fn run_directory(&self, node: u32) -> Result<PathBuf> {
        let file = self.node(node, "init.pid");
        let text = fs::read_to_string(&file).with_context(|| format!("node {node} is down"))?;
        let pid = text.split(' ').next().unwrap_or_default();
        Ok(Path::new("/proc").join(pid).join("root/run"))
    }

    /// What the newest run of a script of the OS definition wrote on a node: `script` is `add`,
    /// `rename`, `export` or `import`.
    ///
    /// # Errors
    /// When there is none.
    pub fn log(&self, node: u32, script: &str, instance: &str) -> Result<String> {
        let directory = self.node(node, "log/os");
        let mut names: Vec<_> = fs::read_dir(&directory)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.starts_with(script) && name.contains(instance))
            .collect();
        names.sort();
        let name = names
            .last()
            .with_context(|| format!("no log of {script} for {instance}"))?;
        Ok(fs::read_to_string(directory.join(name))?)
    }

    /// Puts an image where all nodes find it under this name, until the test of it ends.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn publish(&self, image: &Path, name: &str) -> Result<Published> {
        let path = self.state.join("images").join(name);
        fs::copy(image, &path).with_context(|| format!("copying {}", image.display()))?;
        Ok(Published(path))
    }

    /// The instance of this number, which no other test uses. One that a test left is removed.
    ///
    /// # Errors
    /// When the cluster gives no answer.
    pub fn instance(&self, number: u32) -> Result<Instance> {
        let instance = Instance {
            cluster: self.clone(),
            name: format!("inst{number}.gnt.test"),
        };
        instance.remove()?;
        Ok(instance)
    }

    fn on(&self) -> Command {
        let mut command = Command::new("timeout");
        command
            .arg(LIMIT)
            .arg(self.scripts.join("on"))
            .env("SNF_TESTBED_STATE", &self.state)
            .stdin(Stdio::null());
        command
    }

    fn outcome(command: &mut Command) -> Result<Outcome> {
        let output = command.output();
        Ok(output
            .with_context(|| format!("starting {command:?}"))?
            .into())
    }
}

/// An image in IMAGE_DIR. It is removed when this is dropped.
#[derive(Debug)]
pub struct Published(PathBuf);

impl Published {
    /// The OS parameters that name it.
    #[must_use]
    pub fn parameters(&self) -> String {
        let name = self.0.file_name().unwrap_or_default().to_string_lossy();
        format!("img_id={name},img_format=diskdump")
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// An instance of the cluster. It is removed when this is dropped.
#[derive(Debug)]
pub struct Instance {
    cluster: Cluster,
    name: String,
}

impl Instance {
    /// Its name, which is its host name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `gnt-instance add` on a node with our OS definition and more arguments. It is not started.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn add<A: AsRef<OsStr>>(
        &self,
        node: u32,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Outcome> {
        let node = format!("node{node}.gnt.test");
        let fixed = ["gnt-instance", "add", "--os-type", "snf-image+default"]
            .into_iter()
            .chain(["--backend-parameters", "memory=512M,vcpus=1"])
            .chain(["--no-start", "--no-ip-check", "--node", &node]);
        let mut all: Vec<_> = fixed
            .map(|word| AsRef::<OsStr>::as_ref(word).to_owned())
            .collect();
        all.extend(arguments.into_iter().map(|word| word.as_ref().to_owned()));
        all.push(self.name.clone().into());
        self.cluster.run(all)
    }

    /// A subcommand of `gnt-instance` about it, its name behind the arguments.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn command(&self, arguments: &[&str]) -> Result<Outcome> {
        let words = ["gnt-instance"].iter().chain(arguments);
        self.cluster.run(words.copied().chain([self.name()]))
    }

    /// The file on this machine that one of its disks is, of the template `file` or `ext`.
    ///
    /// # Errors
    /// When it has no such disk.
    pub fn disk(&self, node: u32, index: u32) -> Result<PathBuf> {
        let info = self.command(&["info"])?;
        let is_disk = |word: &&str| {
            let plain = word.ends_with(&format!(".file.disk{index}"));
            plain || word.ends_with(&format!(".ext.disk{index}"))
        };
        let name = info
            .stdout
            .split(['\'', '"', ' ', ',', '\n', '[', ']', '(', ')'])
            .find(is_disk)
            .with_context(|| format!("{} has no disk {index}: {}", self.name, info.stdout))?;
        Ok(match name.strip_prefix("/srv/") {
            Some(below) => self.cluster.node(node, "srv").join(below),
            None => Path::new(&self.cluster.state)
                .join("shared/ext-volumes")
                .join(format!("{name}.img")),
        })
    }

    /// The root file system on its first disk, which must be without a fault.
    ///
    /// # Errors
    /// When it has no such disk, or no partition on it.
    pub fn root(&self, node: u32) -> Result<Ext> {
        let disk = self.disk(node, 0)?;
        let root = Ext::at(&disk, disk::last_partition(&disk)?.offset());
        let problems = root.problems()?;
        ensure!(problems.is_empty(), "{}: {problems}", self.name);
        Ok(root)
    }

    /// Takes another name over after `gnt-instance rename`.
    #[must_use]
    pub fn renamed(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    fn remove(&self) -> Result<()> {
        self.cluster
            .run([
                "gnt-instance",
                "remove",
                "--force",
                "--shutdown-timeout=0",
                &self.name,
            ])
            .map(drop)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}
