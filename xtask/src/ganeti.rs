//! `cargo xtask ganeti`: tests on a real cluster that has installed the built packages.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::command::{run, say};
use crate::test::{Count, nextest};
use crate::{deb, image, paths};

/// Nextest's name for the tests that need the cluster or the packages.
pub(crate) const TESTS: &str = "package(snf-image-tests) & binary(/^ganeti_/)";

/// Those that `cargo xtask test` runs. The others (failures, remote API, crowds, consoles) take
/// some minutes more and want the machine for themselves.
pub(crate) const SHORT: &str =
    "package(snf-image-tests) & binary(/^ganeti_(debootstrap|life|os|packages)$/)";

/// Where the cluster keeps everything. Not below `target`: that may lie where nodes have
/// directories of their own.
const STATE: &str = "/var/tmp/snf-image-testbed";

/// The packages of a node.
const INSTALLED: [&str; 2] = ["snf-image-host", "snf-image-appliance"];

/// Brings the cluster up, runs the tests, and takes it down unless it is to stay.
pub(crate) fn ganeti(stories: &str, keep: bool) -> Result<Count> {
    let packages = deb::deb()?;
    let image = image::ensure()?;
    say("bringing up a Ganeti cluster of three nodes");
    let mut up = script("up");
    up.args(["--nodes", "3", "--hypervisors", "fake,kvm"]);
    for package in packages {
        let name = package.file_name().unwrap_or_default().to_string_lossy();
        if INSTALLED.iter().any(|wanted| name.starts_with(wanted)) {
            up.arg("--deb").arg(&package);
        }
    }
    let tested = run(&mut up).and_then(|()| tests(stories, image));
    if keep {
        let scripts = scripts();
        say(&format!(
            "the cluster stays up: {}/on, {0}/down",
            scripts.display()
        ));
    } else {
        run(&mut script("down"))?;
    }
    tested
}

fn tests(stories: &str, image: PathBuf) -> Result<Count> {
    say("tests with Ganeti");
    let variables = [
        ("SNF_IMAGE", paths::snf_image()),
        ("SNF_HELPER", paths::snf_image_helper()),
        ("SNF_HELPER_DIR", paths::appliance()),
        ("SNF_DEMO_IMAGE", image),
        ("SNF_DEBS", paths::debian()),
        ("SNF_TESTBED", scripts()),
        ("SNF_TESTBED_STATE", STATE.into()),
    ];
    nextest::run(stories, &variables)
}

fn scripts() -> PathBuf {
    paths::root().join("tests/ganeti/testbed")
}

fn script(name: &str) -> Command {
    let mut command = Command::new(scripts().join(name));
    command.env("SNF_TESTBED_STATE", STATE);
    command
}
