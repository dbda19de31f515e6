//! Makes the demo image: a bootable Debian 12 as clouds ship it, on a disk of 2 GiB.
// SPDX-License-Identifier: BSD-2-Clause

mod disk;
pub(crate) mod system;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::say;
use crate::paths;

/// To be raised with every change of how the image is made, so that a kept one is not used.
const RECIPE: &str = "2";

/// Makes the image unless it is there, and says where it is.
pub(crate) fn ensure() -> Result<PathBuf> {
    let directory = paths::images();
    let image = directory.join("debian-12.raw");
    let recipe = directory.join("debian-12.recipe");
    if image.exists() && fs::read_to_string(&recipe).is_ok_and(|text| text == RECIPE) {
        return Ok(image);
    }
    fs::create_dir_all(&directory)?;
    let work = tempfile::Builder::new()
        .prefix("debian-12.")
        .tempdir_in(&directory)?;
    make(work.path(), &work.path().join("image"))?;
    fs::rename(work.path().join("image"), &image)
        .with_context(|| format!("putting {} in place", image.display()))?;
    fs::write(&recipe, RECIPE)?;
    Ok(image)
}

fn make(work: &Path, image: &Path) -> Result<()> {
    let root = work.join("root");
    say("installing Debian 12 into a directory");
    system::install(&root)?;
    system::configure(&root)?;
    say("making a disk of it");
    disk::make(image, &root)
}
