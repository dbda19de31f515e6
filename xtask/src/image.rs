//! Makes the images of whole systems: a bootable Debian 12 as clouds ship it, on a disk of 2 GiB.
// SPDX-License-Identifier: BSD-2-Clause

mod disk;
pub(crate) mod system;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::say;
use crate::paths;
use system::System;

/// Makes the demo image unless it is there, and says where it is.
pub(crate) fn ensure() -> Result<PathBuf> {
    ensure_of(System::Plain)
}

/// Makes the image whose system has cloud-init unless it is there, and says where it is.
pub(crate) fn ensure_cloud() -> Result<PathBuf> {
    ensure_of(System::CloudInit)
}

fn ensure_of(system: System) -> Result<PathBuf> {
    let directory = paths::images();
    let image = directory.join(format!("{}.raw", system.name()));
    let recipe = directory.join(format!("{}.recipe", system.name()));
    if image.exists() && fs::read_to_string(&recipe).is_ok_and(|text| text == system.recipe()) {
        return Ok(image);
    }
    fs::create_dir_all(&directory)?;
    let work = tempfile::Builder::new()
        .prefix(&format!("{}.", system.name()))
        .tempdir_in(&directory)?;
    make(system, work.path(), &work.path().join("image"))?;
    fs::rename(work.path().join("image"), &image)
        .with_context(|| format!("putting {} in place", image.display()))?;
    fs::write(&recipe, system.recipe())?;
    Ok(image)
}

fn make(system: System, work: &Path, image: &Path) -> Result<()> {
    let root = work.join("root");
    say(&format!("installing {} into a directory", system.name()));
    system.install(&root)?;
    system.configure(&root)?;
    say("making a disk of it");
    disk::make(image, &root)
}
