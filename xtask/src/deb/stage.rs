//! The tree of files that becomes a package.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use snf_image_testkit::tool::Tool;

use crate::paths;

/// A package's tree.
#[derive(Debug)]
pub(super) struct Stage {
    package: &'static str,
    root: PathBuf,
}

impl Stage {
    /// An empty tree in `target/debian`, which must hold none for this package.
    pub(super) fn new(package: &'static str) -> Result<Self> {
        let root = paths::debian().join(package);
        let stage = Stage { package, root };
        stage.directory("DEBIAN")?;
        Ok(stage)
    }

    /// The package's name.
    pub(super) fn package(&self) -> &'static str {
        self.package
    }

    /// Its top.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the sources of this package's own files are.
    pub(super) fn sources(&self) -> PathBuf {
        paths::packaging().join(self.package)
    }

    /// Makes a directory with those above it, open to all whatever the umask.
    pub(super) fn directory(&self, to: &str) -> Result<()> {
        let mut path = self.root.clone();
        for part in [""].into_iter().chain(to.split('/')) {
            path.push(part);
            if !path.exists() {
                fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
            }
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
        Ok(())
    }

    /// Copies a file.
    pub(super) fn file(&self, from: &Path, to: &str, mode: u32) -> Result<()> {
        let content = fs::read(from).with_context(|| format!("reading {}", from.display()))?;
        self.write(&content, to, mode)
    }

    /// Copies a file and compresses it as Debian's policy asks.
    pub(super) fn compressed(&self, from: &Path, to: &str) -> Result<()> {
        self.file(from, to, 0o644)?;
        Tool::new("gzip")
            .args(["-9", "--no-name"])
            .arg(self.root.join(to))
            .run()?;
        Ok(())
    }

    /// Writes a file.
    pub(super) fn write(&self, content: &[u8], to: &str, mode: u32) -> Result<()> {
        if let Some((parent, _)) = to.rsplit_once('/') {
            self.directory(parent)?;
        }
        let path = self.root.join(to);
        fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
        Ok(())
    }

    /// Makes a symbolic link.
    pub(super) fn link(&self, target: impl AsRef<Path>, to: &str) -> Result<()> {
        if let Some((parent, _)) = to.rsplit_once('/') {
            self.directory(parent)?;
        }
        let path = self.root.join(to);
        symlink(target, &path).with_context(|| format!("making the link {}", path.display()))
    }

    /// The paths of its regular files, relative to its top, sorted; without the control files.
    pub(super) fn files(&self) -> Result<Vec<String>> {
        let found = Tool::new("find")
            .args([".", "-type", "f", "-not", "-path", "./DEBIAN/*"])
            .args(["-printf", "%P\n"])
            .directory(&self.root)
            .run()?;
        let mut files: Vec<String> = found.lines().map(str::to_owned).collect();
        files.sort();
        Ok(files)
    }
}
