//! `cargo xtask appliance`: builds the helper VM with the programs of `target/dist`.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::process::Command;

use anyhow::Result;
use snf_image_testkit::tool::Tool;

use crate::command::{run, say};
use crate::paths;

/// Builds the helper VM unless it was built with this very helper, and the configuration
/// that names it.
pub(crate) fn ensure() -> Result<()> {
    let directory = paths::appliance();
    fs::write(
        paths::config(),
        format!("HELPER_DIR=\"{}\"\n", directory.display()),
    )?;
    if is_current()? {
        return Ok(());
    }
    say("building the helper VM");
    run(Command::new(paths::snf_image())
        .arg("--config")
        .arg(paths::config())
        .args(["helper", "build", "--helper"])
        .arg(paths::snf_image_helper()))
}

/// Whether the host's program accepts the helper VM, and the helper's program is in it.
fn is_current() -> Result<bool> {
    let sums = Tool::new("sha256sum")
        .arg(paths::snf_image_helper())
        .run()?;
    let sum = sums.split_whitespace().next().unwrap_or_default();
    let info = Tool::new(paths::snf_image())
        .arg("--config")
        .arg(paths::config())
        .args(["helper", "info"])
        .output()?;
    Ok(info.status.success() && String::from_utf8_lossy(&info.stdout).contains(sum))
}
