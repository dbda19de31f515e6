//! A helper VM of the test's own, to be damaged or to get a task more.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use snf_image_testkit::tool::{Tool, said};

use crate::Scene;

/// Where the helper looks for its tasks.
const TASKS: &str = "usr/lib/snf-image-helper/tasks";

/// A copy of the helper VM in a scene.
#[derive(Debug)]
pub struct OwnHelper {
    /// Its HELPER_DIR.
    pub directory: PathBuf,
}

impl Scene {
    /// Copies the helper VM into this scene.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn own_helper(&self) -> Result<OwnHelper> {
        let directory = self.path("helper");
        fs::create_dir(&directory)?;
        let helper = OwnHelper { directory };
        for name in [
            "manifest.json".to_owned(),
            self.helper_file("kernel")?,
            self.helper_file("initrd")?,
        ] {
            fs::copy(
                self.product.helper_dir.join(&name),
                helper.directory.join(&name),
            )?;
        }
        Ok(helper)
    }

    /// Builds a helper VM in this scene with the kernel of this package, which apt gets.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn helper_with_kernel(&self, package: &str) -> Result<OwnHelper> {
        let helper = OwnHelper {
            directory: self.path("helper"),
        };
        let kernel = format!("HELPER_KERNEL=\"{package}\"\n");
        self.configure(&(helper.setting() + &kernel))?;
        let mut build = self.snf_image();
        build.args(["helper", "build", "--helper"]);
        let output = build.arg(&self.product.helper).output()?;
        ensure!(output.status.success(), "{}", said(&output));
        Ok(helper)
    }

    fn helper_file(&self, which: &str) -> Result<String> {
        name_in(&read(&self.product.helper_dir)?, which)
    }
}

impl OwnHelper {
    /// The line of the configuration that names it.
    #[must_use]
    pub fn setting(&self) -> String {
        format!("HELPER_DIR=\"{}\"\n", self.directory.display())
    }

    /// The file of the `kernel` or the `initrd`.
    ///
    /// # Errors
    /// When the manifest does not name it.
    pub fn file(&self, which: &str) -> Result<PathBuf> {
        Ok(self
            .directory
            .join(name_in(&read(&self.directory)?, which)?))
    }

    /// Changes the manifest.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn edit_manifest(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let mut manifest = read(&self.directory)?;
        change(&mut manifest);
        fs::write(self.directory.join("manifest.json"), manifest.to_string())?;
        Ok(())
    }

    /// Adds a task that is the program made of this C source, as an administrator would who
    /// knows the format, and corrects the manifest.
    ///
    /// # Errors
    /// When a tool fails.
    pub fn add_task(&self, name: &str, source: &str) -> Result<()> {
        let tree = tempfile::tempdir_in(&self.directory)?;
        let tasks = tree.path().join(TASKS);
        fs::create_dir_all(&tasks)?;
        Tool::new("cc")
            .args(["-static", "-O1", "-Wall", "-Werror", "-x", "c", "-", "-o"])
            .arg(tasks.join(name))
            .input(source)
            .run()?;
        let archive = Tool::new("cpio")
            .args(["--create", "--format=newc", "--quiet"])
            .directory(tree.path())
            .input(format!("{TASKS}/{name}\n"))
            .output()?
            .stdout;
        let initrd = self.file("initrd")?;
        File::options()
            .append(true)
            .open(&initrd)?
            .write_all(&archive)?;
        let digest = Tool::new("sha256sum").arg(&initrd).run()?;
        let digest = digest.split(' ').next().unwrap_or_default().to_owned();
        let size = fs::metadata(&initrd)?.len();
        self.edit_manifest(|manifest| {
            for (fact, value) in [("size", size.into()), ("sha256", digest.into())] {
                if let Some(place) = manifest.pointer_mut(&format!("/initrd/{fact}")) {
                    *place = value;
                }
            }
        })
    }
}

fn read(directory: &Path) -> Result<Value> {
    let manifest = fs::read(directory.join("manifest.json"))?;
    serde_json::from_slice(&manifest).context("reading the manifest")
}

fn name_in(manifest: &Value, which: &str) -> Result<String> {
    let name = manifest.pointer(&format!("/{which}/name"));
    let name = name.and_then(Value::as_str).map(str::to_owned);
    name.context("a manifest without names")
}
