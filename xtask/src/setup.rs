//! `cargo xtask setup`: installs what the other subcommands need and what is missing.
// SPDX-License-Identifier: BSD-2-Clause

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use snf_image_testkit::tool::Tool;

use crate::command::{cargo, run, say};
use crate::packages::{BACKPORTS, BACKPORTS_RELEASE, CARGO, DEBIAN};

/// Where a source of packages is added.
const SOURCE: &str = "/etc/apt/sources.list.d/snf-image-backports.list";

const INSTALL: [&str; 3] = ["install", "--yes", "--no-install-recommends"];

/// Installs the Debian packages that are missing; does nothing, quickly, when none is.
pub(crate) fn packages() -> Result<()> {
    install_missing(DEBIAN)
}

/// Installs those of the packages that are missing.
pub(crate) fn install_missing(packages: &[&'static str]) -> Result<()> {
    let missing = missing_packages(packages)?;
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)
}

/// Installs the packages, and the cargo tools that only the tests need and that take minutes
/// to build.
pub(crate) fn setup() -> Result<()> {
    packages()?;
    for (program, name) in CARGO {
        if !is_on_path(program) {
            say(&format!("installing {name}"));
            run(cargo().args(["install", "--locked", name]))?;
        }
    }
    Ok(())
}

fn missing_packages(wanted: &[&'static str]) -> Result<Vec<&'static str>> {
    if !Path::new("/usr/bin/dpkg-query").exists() {
        bail!(
            "this is no Debian system; install the equivalents of: {}",
            wanted.join(" ")
        );
    }
    Ok((wanted.iter().copied())
        .filter(|package| version(package).is_none())
        .collect())
}

/// The version of an installed package.
fn version(package: &str) -> Option<String> {
    let answer = Tool::new("dpkg-query")
        .args([
            "--show",
            "--showformat=${db:Status-Status} ${Version}",
            package,
        ])
        .run()
        .ok()?;
    Some(answer.strip_prefix("installed ")?.to_owned())
}

fn install(missing: &[&str]) -> Result<()> {
    say(&format!("installing {}", missing.join(" ")));
    // A machine that has one half of QEMU from backports needs the other half from there, and the
    // server that belongs to a library of QEMU's.
    let (release, sign) = BACKPORTS_RELEASE;
    let backported = version("qemu-utils").is_some_and(|version| version.contains(sign));
    if backported && !knows(release)? {
        fs::write(SOURCE, format!("{BACKPORTS}\n")).with_context(|| format!("writing {SOURCE}"))?;
    }
    run(apt().arg("update"))?;
    let follows_qemu = |package: &str| {
        ["qemu-", "glusterfs-"]
            .iter()
            .any(|name| package.starts_with(name))
    };
    let (qemu, others): (Vec<&str>, Vec<&str>) = missing
        .iter()
        .partition(|package| backported && follows_qemu(package));
    if !others.is_empty() {
        run(apt().args(INSTALL).args(others))?;
    }
    if !qemu.is_empty() {
        run(apt()
            .args(INSTALL)
            .args(["--target-release", release])
            .args(qemu))?;
    }
    Ok(())
}

/// Whether apt has a source of this release.
fn knows(release: &str) -> Result<bool> {
    let sources = Tool::new("apt-get")
        .args(["indextargets", "--format", "$(CODENAME)"])
        .run()?;
    Ok(sources.lines().any(|line| line == release))
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command
        .arg("--quiet")
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
