//! `cargo xtask test`: everything that must hold, with one line at the end.
// SPDX-License-Identifier: BSD-2-Clause

pub(crate) mod nextest;

use std::path::PathBuf;

use anyhow::Result;
use snf_image_testkit::tool::said;

use crate::command::{cargo, say};
use crate::test::nextest::EVERYWHERE;
use crate::{appliance, build, ganeti, image, network_tree, paths, setup};

/// Nextest's name for the tests that deploy with the built product into real VMs.
const VM_TESTS: &str = "package(snf-image-tests) & binary(vm)";

/// The test that lets a real cloud-init do what it does at a machine's first start.
const FIRST_START: &str = "test(cloud_init_of_debian_does_at_its_first_start)";

/// Checks of the sources: the name, and cargo's arguments.
const CHECKS: [(&str, &[&str]); 3] = [
    (
        "formatting",
        &["fmt", "--all", "--check", "--", "--color", "never"],
    ),
    (
        "lints",
        &[
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ],
    ),
    (
        "dependencies",
        &[
            "deny",
            "--log-level",
            "error",
            "check",
            "bans",
            "licenses",
            "sources",
        ],
    ),
];

/// How many of something held.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    passed: u64,
    failed: u64,
}

impl Count {
    fn of(passed: bool) -> Self {
        Count {
            passed: u64::from(passed),
            failed: u64::from(!passed),
        }
    }

    fn add(&mut self, other: Count) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Prints the one line at the end; whether everything held.
    pub(crate) fn report(self) -> bool {
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed == 0
    }
}

/// Runs everything, or with `fast` all but what needs a VM; whether all of it passed.
pub(crate) fn test(fast: bool) -> Result<bool> {
    setup::setup()?;
    let mut count = Count::default();
    for (name, arguments) in CHECKS {
        count.add(check(name, arguments)?);
    }
    say("tests without VMs");
    let rest = format!("not ({VM_TESTS}) and not ({})", ganeti::TESTS);
    let tree = network_tree::ensure()?;
    count.add(nextest::run(
        &rest,
        EVERYWHERE,
        &[(network_tree::VARIABLE, tree)],
    )?);
    if !fast {
        count.add(vm_tests()?);
        count.add(ganeti_tests());
    }
    Ok(count.report())
}

fn check(name: &str, arguments: &[&str]) -> Result<Count> {
    say(name);
    let output = cargo().args(arguments).output()?;
    if !output.status.success() {
        eprintln!("{}\nFAILED: {name}", said(&output));
    }
    Ok(Count::of(output.status.success()))
}

/// A cluster that cannot be brought up counts as one failure.
fn ganeti_tests() -> Count {
    ganeti::ganeti(false).unwrap_or_else(|error| {
        eprintln!("FAILED: preparing the tests with Ganeti: {error:#}");
        Count::of(false)
    })
}

/// Runs the tests that are not for every day; whether all of them passed.
pub(crate) fn slow() -> Result<bool> {
    setup::setup()?;
    let mut count = match prepared().and_then(|variables| Ok((variables, image::ensure_cloud()?))) {
        Ok((mut variables, image)) => {
            say("tests with VMs that are not for every day");
            variables.push(("SNF_CLOUD_IMAGE", image));
            let arguments = ["--package", "snf-image-tests", "--run-ignored", "only"];
            nextest::run(VM_TESTS, &arguments, &variables)?
        }
        Err(error) => unprepared(&error),
    };
    for release in network_tree::OTHERS {
        let tree = network_tree::ensure_cloud_init(release)?;
        say(&format!("cloud-init of Debian {release}"));
        let variables = [(network_tree::VARIABLE, tree)];
        let arguments = ["--package", "snf-image-helper"];
        count.add(nextest::run(FIRST_START, &arguments, &variables)?);
    }
    Ok(count.report())
}

/// What cannot be prepared counts as one failure.
fn vm_tests() -> Result<Count> {
    match prepared() {
        Ok(variables) => {
            say("tests with VMs");
            nextest::run(VM_TESTS, EVERYWHERE, &variables)
        }
        Err(error) => Ok(unprepared(&error)),
    }
}

fn unprepared(error: &anyhow::Error) -> Count {
    eprintln!("FAILED: preparing the tests with VMs: {error:#}");
    Count::of(false)
}

/// Makes what the tests in VMs need; gives the variables that say where it is.
fn prepared() -> Result<Vec<(&'static str, PathBuf)>> {
    build::build()?;
    appliance::ensure()?;
    Ok(vec![
        ("SNF_DEMO_IMAGE", image::ensure()?),
        ("SNF_IMAGE", paths::snf_image()),
        ("SNF_HELPER", paths::snf_image_helper()),
        ("SNF_HELPER_DIR", paths::appliance()),
    ])
}
