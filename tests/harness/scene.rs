//! A directory for one test, with an image, a target, and a configuration.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use snf_image_testkit::disk::{self, Content, NewPartition, Table};
use snf_image_testkit::ext::Ext;
use snf_image_testkit::leftovers::Watch;
use snf_image_testkit::tree::ROOT_UUID;
use tempfile::TempDir;

use crate::{Outcome, Product};

/// The size of the small image and of its only partition's start, in MiB.
const SMALL: u64 = 64;
const SMALL_START: u64 = 1;

/// Everything in it goes away with it.
#[derive(Debug)]
pub struct Scene {
    /// What is tested.
    pub product: Product,
    directory: TempDir,
}

impl Scene {
    /// An empty scene, or nothing when there is nothing to test (see [`Product::find`]).
    ///
    /// # Panics
    /// When it cannot be set up.
    #[must_use]
    pub fn set() -> Option<Self> {
        let product = Product::find()?;
        Some(Self::with(product).unwrap_or_else(|error| panic!("no scene: {error:#}")))
    }

    fn with(product: Product) -> Result<Self> {
        // Beside what was built: a temporary file system may know no O_DIRECT.
        let beside = product.helper_dir.parent().context("HELPER_DIR is /")?;
        let directory = tempfile::Builder::new()
            .prefix("scene.")
            .tempdir_in(beside)?;
        fs::create_dir(directory.path().join("tmp"))?;
        let scene = Scene { product, directory };
        scene.configure("")?;
        Ok(scene)
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A path in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file that only its owner may read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(name);
        File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?
            .write_all(content.as_ref())?;
        Ok(path)
    }

    /// Writes the configuration: the helper VM that was built, and these lines.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure(&self, lines: &str) -> Result<()> {
        let helper_dir = self.product.helper_dir.display();
        self.write("config", format!("HELPER_DIR=\"{helper_dir}\"\n{lines}"))?;
        Ok(())
    }

    /// Makes the image `image`: a GPT disk of 64 MiB whose only partition, of type `linux`,
    /// holds an ext4 file system with what `plant` puts into the directory that it is given.
    ///
    /// # Errors
    /// When a tool fails.
    pub fn small_image(&self, plant: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let tree = self.path("tree");
        fs::create_dir(&tree)?;
        plant(&tree)?;
        let image = self.path("image");
        let content = Content::Ext {
            kind: "ext4",
            uuid: ROOT_UUID.to_owned(),
            tree: tree.clone(),
        };
        let size = SMALL - SMALL_START - 1;
        let root = NewPartition::new(1, SMALL_START, size, content);
        disk::make(&image, SMALL, Table::Gpt, &[root])?;
        fs::remove_dir_all(&tree)?;
        Ok(image)
    }

    /// The last file system of a disk in the scene, which is where the root is.
    ///
    /// # Errors
    /// When the disk has no partition.
    pub fn root_of(&self, disk: &str) -> Result<Ext> {
        let disk = self.path(disk);
        Ok(Ext::at(&disk, disk::last_partition(&disk)?.offset()))
    }

    /// `snf-image` with this scene's configuration and temporary directory.
    #[must_use]
    pub fn snf_image(&self) -> Command {
        let mut command = Command::new(&self.product.snf_image);
        command
            .arg("--config")
            .arg(self.path("config"))
            .env("TMPDIR", self.path("tmp"))
            .current_dir(self.directory())
            .stdin(Stdio::null());
        command
    }

    /// `snf-image deploy` of `image` onto `target` in this scene, with more arguments.
    #[must_use]
    pub fn deployment<A: AsRef<OsStr>>(
        &self,
        image: &Path,
        target: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = self.snf_image();
        command.arg("deploy").arg("--image").arg(image);
        command
            .arg("--target")
            .arg(self.path(target))
            .args(arguments);
        command
    }

    /// Runs such a deployment to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn deploy<A: AsRef<OsStr>>(
        &self,
        image: &Path,
        target: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Outcome> {
        let output = self.deployment(image, target, arguments).output()?;
        Ok(output.into())
    }

    /// Starts such a deployment.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn begin<A: AsRef<OsStr>>(
        &self,
        image: &Path,
        target: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Child> {
        Ok(self
            .deployment(image, target, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?)
    }

    /// Watches from here on for what a command leaves behind in the scene or running.
    ///
    /// # Errors
    /// When the system gives no answer.
    pub fn watch(&self) -> Result<Watch> {
        Watch::begin(self.directory())
    }
}
