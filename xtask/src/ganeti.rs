//! `cargo xtask ganeti`: tests on a real cluster that has installed the built packages.
// SPDX-License-Identifier: BSD-2-Clause

use std::env;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command::{run, say};
use crate::test::{Count, nextest};
use crate::{deb, image, paths};

/// Nextest's name for the tests that need the cluster or the packages.
pub(crate) const TESTS: &str = "package(snf-image-tests) & binary(ganeti)";

/// Where the cluster keeps everything, unless SNF_TESTBED_STATE says otherwise. Not below `target`:
/// that may lie where nodes have directories of their own.
const STATE: &str = "/var/tmp/snf-image-testbed";

/// Held as long as a cluster is in use: a machine has room for one. The scripts know it, too.
const LOCK: &str = "/run/lock/snf-image-testbed.lock";

/// How long another run may take to end.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// The packages of a node.
const INSTALLED: [&str; 2] = ["snf-image-host", "snf-image-appliance"];

/// Brings the cluster up, runs the tests, and takes it down unless it is to stay.
pub(crate) fn ganeti(keep: bool) -> Result<Count> {
    let _lock = lock()?;
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
    let tested = run(&mut up).and_then(|()| tests(image));
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

fn tests(image: PathBuf) -> Result<Count> {
    say("tests with Ganeti");
    let variables = [
        ("SNF_IMAGE", paths::snf_image()),
        ("SNF_HELPER", paths::snf_image_helper()),
        ("SNF_HELPER_DIR", paths::appliance()),
        ("SNF_DEMO_IMAGE", image),
        ("SNF_DEBS", paths::debian()),
        ("SNF_TESTBED", scripts()),
        ("SNF_TESTBED_STATE", state()),
    ];
    nextest::run(TESTS, nextest::EVERYWHERE, &variables)
}

fn scripts() -> PathBuf {
    paths::root().join("tests/ganeti/testbed")
}

fn script(name: &str) -> Command {
    let mut command = Command::new(scripts().join(name));
    command
        .env("SNF_TESTBED_STATE", state())
        .env("SNF_TESTBED_LOCKED", "1");
    command
}

fn state() -> PathBuf {
    env::var_os("SNF_TESTBED_STATE").map_or_else(|| STATE.into(), PathBuf::from)
}

/// Waits until nobody else on this machine uses a cluster. Closing the file ends the claim.
fn lock() -> Result<File> {
    let file = File::create(LOCK).with_context(|| format!("making {LOCK}"))?;
    let end = Instant::now() + PATIENCE;
    let mut waits = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {LOCK}"));
            }
            Err(TryLockError::WouldBlock) if Instant::now() > end => bail!(
                "another run has used its cluster for {} minutes: find it with `fuser {LOCK}`",
                PATIENCE.as_secs() / 60
            ),
            Err(TryLockError::WouldBlock) if !waits => {
                say("waiting for another run on this machine to take its cluster down");
                waits = true;
            }
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_secs(1)),
        }
    }
}
