//! `snf-image helper build`, `info` and `check`.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use snf_image_protocol::Event;

use super::Failure;
use crate::appliance::{
    self, Appliance, ApplianceError, BuildOptions, Builder, Debootstrap, KernelSource, Manifest,
};
use crate::cancel::Cancel;
use crate::cli::HelperBuildArguments;
use crate::config::{HelperBuilder, Settings};
use crate::deploy::machine;
use crate::output;
use crate::vm::{self, Observer};

/// Where the packages put the helper's program.
const INSTALLED: &str = "/usr/lib/snf-image/snf-image-helper";

/// The user that programs of all kinds run as.
const SHARED_USER: &str = "nobody";

pub(super) fn build(
    arguments: &HelperBuildArguments,
    settings: &Settings,
    json: bool,
) -> Result<(), Failure> {
    check_named(arguments)?;
    let builder = match settings.helper_builder {
        HelperBuilder::Initramfs => initramfs(arguments, settings),
        HelperBuilder::Debootstrap => debootstrap(arguments, settings)?,
    };
    let options = BuildOptions {
        directory: settings.helper_dir.clone(),
        builder,
    };
    let manifest =
        appliance::build(&options, &Cancel::by_signals()?).map_err(|fault| failed(&fault))?;
    if !json {
        output::say(&format!(
            "built the helper VM in {}",
            settings.helper_dir.display()
        ));
    }
    show(&manifest, json)
}

/// Looks whether what the command line names is there.
fn check_named(arguments: &HelperBuildArguments) -> Result<(), Failure> {
    for (option, path) in [
        ("--helper", &arguments.helper),
        ("--kernel", &arguments.kernel),
        ("--modules", &arguments.modules),
    ] {
        if let Some(path) = path {
            std::fs::metadata(path).map_err(|error| {
                Failure::input(&format!("{option}: {}: {error}", path.display()))
            })?;
        }
    }
    Ok(())
}

fn initramfs(arguments: &HelperBuildArguments, settings: &Settings) -> Builder {
    let kernel = match (&arguments.kernel, &arguments.modules) {
        (Some(kernel), Some(modules)) => KernelSource::Files {
            kernel: kernel.clone(),
            modules: modules.clone(),
        },
        _ => KernelSource::Package(settings.helper_kernel.clone()),
    };
    Builder::Initramfs {
        helper: arguments.helper.clone().unwrap_or_else(program),
        kernel,
    }
}

fn debootstrap(arguments: &HelperBuildArguments, settings: &Settings) -> Result<Builder, Failure> {
    if arguments.helper.is_some() || arguments.kernel.is_some() {
        return Err(Failure::input(
            &"--helper and --kernel mean nothing with HELPER_BUILDER=debootstrap: its program and \
             kernel come from packages",
        ));
    }
    if settings.helper_pkg.as_os_str().is_empty() {
        return Err(Failure::input(
            &"HELPER_BUILDER=debootstrap needs HELPER_PKG: put the package snf-image-helper into \
             HELPER_DIR and name its file",
        ));
    }
    Ok(Builder::Debootstrap(Debootstrap {
        package: settings.helper_pkg.clone(),
        suite: settings.helper_suite.clone(),
        mirror: Some(settings.helper_mirror.clone()).filter(|mirror| !mirror.is_empty()),
    }))
}

pub(super) fn info(settings: &Settings, json: bool) -> Result<(), Failure> {
    let appliance = Appliance::open(&settings.helper_dir).map_err(|fault| failed(&fault))?;
    show(appliance.manifest(), json)
}

/// What the helper was built from: one JSON object on a line, or one fact a line.
fn show(manifest: &Manifest, json: bool) -> Result<(), Failure> {
    if json {
        let manifest = serde_json::to_string(manifest);
        output::say_as_is(&manifest.map_err(|fault| Failure::failed(&fault))?);
    } else {
        for line in manifest.describe().lines() {
            output::say(line);
        }
    }
    Ok(())
}

/// Boots the helper once, up to its gate.
pub(super) fn check(settings: &Settings, json: bool) -> Result<(), Failure> {
    let cancel = Cancel::by_signals()?;
    if settings.helper_user == SHARED_USER {
        tracing::warn!(
            "HELPER_USER is {SHARED_USER}: whatever else runs as that user can reach into the helper VM; \
             see /usr/share/doc/snf-image-host/packages.md for one that runs nothing else"
        );
    }
    let appliance = Appliance::open(&settings.helper_dir).map_err(|fault| failed(&fault))?;
    appliance.verify().map_err(|fault| failed(&fault))?;
    let machine = machine(settings, &appliance).map_err(|fault| Failure::failed(&fault))?;
    let begin = Instant::now();
    let mut running =
        vm::start(machine, Box::new(Silent)).map_err(|fault| Failure::failed(&fault))?;
    let ready = running.wait_ready(&cancel);
    let seconds = begin.elapsed().as_secs_f64();
    ready.map_err(|fault| Failure::failed(&fault).with_log(running.tail()))?;
    let directory = appliance.directory().display().to_string();
    let accelerator = running.accelerator().kind.name();
    if json {
        let line = json!({"directory": directory, "seconds": seconds, "accelerator": accelerator});
        output::say_as_is(&line.to_string());
    } else {
        output::say(&format!(
            "the helper VM in {directory} came up in {seconds:.2} s with {accelerator}"
        ));
    }
    Ok(())
}

fn failed(fault: &ApplianceError) -> Failure {
    if fault.is_input() {
        Failure::input(fault)
    } else {
        Failure::failed(fault)
    }
}

/// The helper's program: beside this one, else where the packages put it.
fn program() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|me| Some(me.parent()?.join("snf-image-helper")))
        .filter(|path| path.is_file())
        .unwrap_or_else(|| Path::new(INSTALLED).into())
}

/// Only the log listens.
struct Silent;

impl Observer for Silent {
    fn console(&mut self, line: &str) {
        tracing::debug!("HELPER: {line}");
    }

    fn event(&mut self, _event: &Event) {}

    fn warning(&mut self, message: &str) {
        tracing::warn!("{message}");
    }
}
