//! What each package holds.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use snf_image_protocol::Task;

use super::stage::Stage;
use crate::paths;

/// Where Ganeti looks for operating system definitions.
const OS: &str = "usr/share/ganeti/os/snf-image";

/// Where the host finds the ready-made helper VM.
const APPLIANCE: &str = "usr/lib/snf-image/appliance";

/// Completions: the name in `completions/`, and where a shell looks for it.
const COMPLETIONS: [(&str, &str); 3] = [
    (
        "snf-image.bash",
        "usr/share/bash-completion/completions/snf-image",
    ),
    ("_snf-image", "usr/share/zsh/vendor-completions/_snf-image"),
    (
        "snf-image.fish",
        "usr/share/fish/vendor_completions.d/snf-image.fish",
    ),
];

/// The command, the operating system definition and the configuration of a node.
pub(super) fn host(stage: &Stage) -> Result<()> {
    stage.file(&paths::snf_image(), "usr/bin/snf-image", 0o755)?;
    stage.link("snf-image", "usr/bin/snf-image-update-helper")?;
    stage.file(
        &paths::snf_image_helper(),
        "usr/lib/snf-image/snf-image-helper",
        0o755,
    )?;
    tree(stage, &paths::root().join("os"), OS)?;
    tree(stage, &paths::root().join("etc"), "etc")?;
    // Messages refer to them there.
    tree(
        stage,
        &paths::root().join("docs"),
        "usr/share/doc/snf-image-host",
    )?;
    for (name, to) in COMPLETIONS {
        stage.file(&paths::root().join("completions").join(name), to, 0o644)?;
    }
    man_pages(stage)
}

/// The helper's program with its tasks, for helper systems.
pub(super) fn helper(stage: &Stage) -> Result<()> {
    stage.file(
        &paths::snf_image_helper(),
        "usr/bin/snf-image-helper",
        0o755,
    )?;
    for task in Task::ALL {
        stage.link(
            "../../../bin/snf-image-helper",
            &format!("usr/lib/snf-image-helper/tasks/{}", task.entry()),
        )?;
    }
    let unit = "snf-image-helper.service";
    stage.file(
        &stage.sources().join(unit),
        &format!("lib/systemd/system/{unit}"),
        0o644,
    )?;
    stage.link(
        format!("../{unit}"),
        &format!("lib/systemd/system/multi-user.target.wants/{unit}"),
    )?;
    stage.compressed(
        &stage.sources().join("snf-image-helper.1"),
        "usr/share/man/man1/snf-image-helper.1",
    )
}

/// The helper VM as it was built here.
pub(super) fn appliance(stage: &Stage) -> Result<()> {
    tree(stage, &paths::appliance(), APPLIANCE)
}

/// What every package has.
pub(super) fn common(stage: &Stage) -> Result<()> {
    let documents = format!("usr/share/doc/{}", stage.package());
    let own = stage.sources().join("copyright");
    let copyright = if own.exists() {
        own
    } else {
        paths::packaging().join("copyright")
    };
    stage.file(&copyright, &format!("{documents}/copyright"), 0o644)?;
    stage.compressed(
        &paths::packaging().join("changelog"),
        &format!("{documents}/changelog"),
    )?;
    let overrides = stage.sources().join("lintian-overrides");
    let to = format!("usr/share/lintian/overrides/{}", stage.package());
    stage.file(&overrides, &to, 0o644)
}

/// Copies a directory: data files, and links as they are.
fn tree(stage: &Stage, from: &Path, to: &str) -> Result<()> {
    let reading = || format!("reading {}", from.display());
    for entry in fs::read_dir(from).with_context(reading)? {
        let path = entry.with_context(reading)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let to = format!("{to}/{name}");
        let kind = fs::symlink_metadata(&path)?.file_type();
        if kind.is_symlink() {
            stage.link(fs::read_link(&path)?, &to)?;
        } else if kind.is_dir() {
            tree(stage, &path, &to)?;
        } else {
            stage.file(&path, &to, 0o644)?;
        }
    }
    Ok(())
}

fn man_pages(stage: &Stage) -> Result<()> {
    for entry in fs::read_dir(paths::root().join("man"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let section = name.rsplit('.').next().unwrap_or_default();
        stage.compressed(&path, &format!("usr/share/man/man{section}/{name}"))?;
    }
    stage.link(
        "snf-image-helper-build.8.gz",
        "usr/share/man/man8/snf-image-update-helper.8.gz",
    )
}
