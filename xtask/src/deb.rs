//! `cargo xtask deb`: the Debian packages, in `target/debian`.
// SPDX-License-Identifier: BSD-2-Clause

mod contents;
mod control;
mod stage;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use snf_image_testkit::tool::Tool;

use self::control::Values;
use self::stage::Stage;
use crate::command::{run, say};
use crate::{appliance, build, paths, setup};

/// A package: its name, and what fills its tree.
struct Package {
    name: &'static str,
    fill: fn(&Stage) -> Result<()>,
}

const PACKAGES: [Package; 3] = [
    Package {
        name: "snf-image-host",
        fill: contents::host,
    },
    Package {
        name: "snf-image-helper",
        fill: contents::helper,
    },
    Package {
        name: "snf-image-appliance",
        fill: contents::appliance,
    },
];

/// Builds the programs, the helper VM and the packages, and has lintian look at these.
pub(crate) fn deb() -> Result<Vec<PathBuf>> {
    setup::setup()?;
    build::build()?;
    appliance::ensure()?;
    let packages = packages()?;
    lint(&packages)?;
    Ok(packages)
}

/// Packs what is built.
fn packages() -> Result<Vec<PathBuf>> {
    let version = version()?;
    let target = paths::debian();
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    fs::create_dir_all(&target)?;
    PACKAGES
        .iter()
        .map(|package| pack(package, &version))
        .collect()
}

fn pack(package: &Package, version: &str) -> Result<PathBuf> {
    say(&format!("packing {}", package.name));
    let stage = Stage::new(package.name)?;
    (package.fill)(&stage)?;
    contents::common(&stage)?;
    let values = Values::new(version, &stage)?;
    control::write(&stage, &values)?;
    let file = paths::debian().join(format!("{}_{version}_amd64.deb", package.name));
    Tool::new("dpkg-deb")
        .args(["--root-owner-group", "--build"])
        .arg(stage.root())
        .arg(&file)
        .run()?;
    Ok(file)
}

/// The version of the packages: a pre-release comes before its release in dpkg's order, too.
fn version() -> Result<String> {
    let version = env!("CARGO_PKG_VERSION").replacen('-', "~", 1);
    let changelog = paths::packaging().join("changelog");
    let text = fs::read_to_string(&changelog)
        .with_context(|| format!("reading {}", changelog.display()))?;
    ensure!(
        text.starts_with(&format!("snf-image ({version}) ")),
        "packaging/changelog does not begin with the entry of {version}"
    );
    Ok(version)
}

fn lint(packages: &[PathBuf]) -> Result<()> {
    say("lintian");
    run(std::process::Command::new("lintian")
        .args(["--fail-on", "error", "--tag-display-limit", "0"])
        // As root it would only say so.
        .arg("--allow-root")
        .args(packages.iter().map(AsRef::<Path>::as_ref)))
}
