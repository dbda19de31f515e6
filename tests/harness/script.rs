//! The OS scripts as Ganeti calls them, without a Ganeti.
//!
//! Each runs with an `/etc` of its own, laid over the machine's: the configuration is where
//! an installed one would be.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::{Outcome, Scene};

/// The instance of all these scripts.
pub const INSTANCE: &str = "inst1.example.org";

/// Runs the script behind the overlay. The first argument is the scene.
const ENTER: &str = r#"mount -t overlay -o "lowerdir=$1/etc:/etc" overlay /etc && cd "$1/os" && exec "$1/os/$2" $3"#;

/// The environment of a script.
#[derive(Debug, Clone)]
pub struct Script<'scene> {
    scene: &'scene Scene,
    variables: BTreeMap<String, String>,
}

impl Scene {
    /// Installs the OS definition into the scene, its images being those of the scene, with
    /// more lines for the configuration.
    ///
    /// # Errors
    /// When something cannot be written.
    pub fn script(&self, configuration: &str) -> Result<Script<'_>> {
        let etc = |name: &str| self.path("etc").join(name);
        let _ = fs::remove_dir_all(self.path("etc"));
        fs::create_dir_all(etc("default"))?;
        fs::create_dir_all(etc("ganeti/snf-image/variants"))?;
        fs::write(etc("ganeti/snf-image/variants.list"), "default\nlisted\n")?;
        fs::write(etc("ganeti/snf-image/variants/default.conf"), "")?;
        let directory = self.directory().display();
        let helper = self.product.helper_dir.display();
        let lines = format!("IMAGE_DIR=\"{directory}\"\nHELPER_DIR=\"{helper}\"\n{configuration}");
        fs::write(etc("default/snf-image"), lines)?;
        if !self.path("os").exists() {
            fs::create_dir(self.path("os"))?;
            for name in ["create", "import", "export", "rename", "verify"] {
                symlink(&self.product.snf_image, self.path("os").join(name))?;
            }
        }
        let script = Script {
            scene: self,
            variables: BTreeMap::new(),
        };
        Ok(script
            .with("PATH", "/sbin:/bin:/usr/sbin:/usr/bin")
            .with("OS_API_VERSION", "20")
            .with("OS_NAME", "snf-image")
            .with("OS_VARIANT", "default")
            .with("DEBUG_LEVEL", "0"))
    }

    /// Makes a file of that many MiB.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn blank(&self, name: &str, mib: u64) -> Result<()> {
        fs::File::create(self.path(name))?.set_len(mib << 20)?;
        Ok(())
    }
}

impl Script<'_> {
    /// With a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Without a variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// With [`INSTANCE`], whose disks are these files of the scene.
    #[must_use]
    pub fn with_disks(self, names: &[&str]) -> Self {
        let mut script = self
            .with("INSTANCE_NAME", INSTANCE)
            .with("HYPERVISOR", "xen-pvm")
            .with("DISK_COUNT", &names.len().to_string())
            .with("NIC_COUNT", "1")
            .with("NIC_0_MAC", "aa:00:00:6e:43:ca");
        for (index, name) in names.iter().enumerate() {
            let path = script.scene.path(name).display().to_string();
            script = script
                .with(&format!("DISK_{index}_PATH"), &path)
                .with(&format!("DISK_{index}_ACCESS"), "rw");
        }
        script
    }

    /// With the image `image` of the scene.
    #[must_use]
    pub fn with_image(self) -> Self {
        self.with("OSP_IMG_ID", "image")
            .with("OSP_IMG_FORMAT", "diskdump")
    }

    /// The script of this name.
    #[must_use]
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new("/usr/bin/unshare");
        command
            .args([
                "--mount",
                "--propagation",
                "private",
                "--",
                "/bin/sh",
                "-c",
                ENTER,
                "sh",
            ])
            .arg(self.scene.directory())
            .arg(name)
            .arg(if name == "verify" { "parameters" } else { "" })
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::null());
        command
    }

    /// The script of this name, started by a shell (bash) that has run `preparation` first, with
    /// the scene's directory as `$0`.
    #[must_use]
    pub fn command_after(&self, preparation: &str, name: &str) -> Command {
        let inner = self.command(name);
        let mut command = Command::new("/bin/bash");
        command
            .args(["-c", &format!("{preparation}; exec \"$@\"")])
            .arg(self.scene.directory())
            .arg(inner.get_program())
            .args(inner.get_args())
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, name: &str) -> Result<Outcome> {
        Ok(self.command(name).output()?.into())
    }
}

impl Outcome {
    /// Insists on failure with a last line that contains these words.
    ///
    /// # Panics
    /// When it succeeded, or says something else.
    #[track_caller]
    pub fn failed_with(&self, words: &[&str]) -> &Self {
        self.ended_with(1);
        let last = self.stderr.lines().last().unwrap_or_default();
        for word in words {
            assert!(
                last.contains(word) && last.contains("[ERROR]"),
                "no {word:?} at the end of\n{}",
                self.stderr
            );
        }
        self
    }
}
