//! `cargo xtask build`: the programs as they are installed on a node, in `target/dist`.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::command::{cargo, run, say};
use crate::paths;

/// The platform of the helper. Naming it keeps its flags away from build scripts and macros.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Links the helper statically: there are no libraries of ours in the helper VM.
const STATIC: &str = "-C target-feature=+crt-static -C relocation-model=static";

/// Builds both programs.
pub(crate) fn build() -> Result<()> {
    say("building snf-image");
    run(cargo().args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "snf-image-host",
    ]))?;
    say("building snf-image-helper, linked statically");
    run(cargo()
        .args(["build", "--quiet", "--package", "snf-image-helper"])
        .args(["--profile", "helper", "--target", PLATFORM])
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", STATIC))?;
    let target = paths::target();
    fs::create_dir_all(paths::dist())?;
    install(&target.join("release/snf-image"), &paths::snf_image())?;
    install(
        &target.join(PLATFORM).join("helper/snf-image-helper"),
        &paths::snf_image_helper(),
    )
}

/// Replaces a program, which may be running at the moment.
fn install(from: &Path, to: &Path) -> Result<()> {
    let new = to.with_extension("new");
    fs::copy(from, &new)
        .and_then(|_| fs::rename(&new, to))
        .with_context(|| format!("copying {} to {}", from.display(), to.display()))
}
