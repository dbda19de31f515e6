//! The five scripts: which one is called, with which arguments, and how it ends.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use super::environment::{Environment, Instance};
use super::fault::Faults;
use super::{create, export, import, log, rename, verify};
use crate::config::{self, Config};
use crate::output;

/// A script of ganeti-os-interface(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Puts an image onto a new instance's disk, or again onto an old one's.
    Create,
    /// Restores one disk of an instance.
    Import,
    /// Saves one disk of an instance.
    Export,
    /// Gives an instance another name.
    Rename,
    /// Checks OS parameters.
    Verify,
}

impl Script {
    /// The script of the name that this program was called by.
    #[must_use]
    pub fn from_argv0(argv0: &OsStr) -> Option<Self> {
        match Path::new(argv0).file_name()?.to_str()? {
            "create" => Some(Script::Create),
            "import" => Some(Script::Import),
            "export" => Some(Script::Export),
            "rename" => Some(Script::Rename),
            "verify" => Some(Script::Verify),
            _ => None,
        }
    }

    fn usage(self) -> &'static str {
        match self {
            Script::Create => {
                "Usage: create\nPuts the image img_id onto the instance's first disk. Called by Ganeti, see /usr/share/doc/snf-image-host/ganeti.md."
            }
            Script::Import => {
                "Usage: import\nRestores a disk from standard input. Called by Ganeti, see /usr/share/doc/snf-image-host/ganeti.md."
            }
            Script::Export => {
                "Usage: export\nWrites a disk to standard output. Called by Ganeti, see /usr/share/doc/snf-image-host/ganeti.md."
            }
            Script::Rename => {
                "Usage: rename\nSets the host name on the instance's first disk. Called by Ganeti, see /usr/share/doc/snf-image-host/ganeti.md."
            }
            Script::Verify => {
                "Usage: verify parameters\nChecks the OS parameters. Called by Ganeti, see /usr/share/doc/snf-image-host/ganeti.md."
            }
        }
    }

    fn takes(self, arguments: &[OsString]) -> bool {
        match self {
            Script::Verify => matches!(arguments, [what] if what == "parameters"),
            _ => arguments.is_empty(),
        }
    }
}

/// Runs a script; `arguments` are those behind its name. The exit status is 0 or 1.
#[must_use]
pub fn run(script: Script, arguments: &[OsString]) -> ExitCode {
    if let [help] = arguments
        && (help == "-h" || help == "--help")
    {
        output::say_as_is(script.usage());
        return ExitCode::SUCCESS;
    }
    log::start();
    if !script.takes(arguments) {
        for line in script.usage().lines() {
            tracing::error!("{line}");
        }
        return ExitCode::FAILURE;
    }
    let variables: Vec<_> = std::env::vars_os().collect();
    let outcome = match script {
        Script::Create => create::run(variables),
        Script::Verify => verify::run(variables),
        Script::Rename => prepare(variables, script)
            .and_then(|(environment, config)| rename::run(environment, &config)),
        Script::Import => prepare(variables, script)
            .and_then(|(environment, config)| import::run(environment, &config)),
        Script::Export => {
            prepare(variables, script).and_then(|(environment, _)| export::run(environment))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Faults(faults)) => {
            for fault in faults {
                tracing::error!("{fault}");
            }
            ExitCode::FAILURE
        }
    }
}

/// What the environment and the configuration say; the faults of both at once.
fn prepare(
    variables: Vec<(OsString, OsString)>,
    script: Script,
) -> Result<(Environment, Config), Faults> {
    let environment = Environment::parse(variables, script)?;
    let config = configuration(environment.variant.as_deref())?;
    tell(&config, environment.debug);
    Ok((environment, config))
}

/// The configuration with that of the variant.
pub(super) fn configuration(variant: Option<&str>) -> Result<Config, Faults> {
    let mut config = config::load(None).map_err(Faults::one)?;
    if let Some(variant) = variant {
        config.apply_variant(variant).map_err(Faults::one)?;
    }
    Ok(config)
}

/// Logs what is strange about the configuration, and from here on as much as it asks for.
pub(super) fn tell(config: &Config, debug: bool) {
    if debug || config.settings.image_debug {
        log::show_details();
    }
    for (name, value) in config.settings.show() {
        tracing::debug!("{name}={value:?}, from {}", config.origin(name));
    }
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
}

/// The instance, which every script but `verify` has.
pub(super) fn instance(environment: Environment) -> Result<Instance, Faults> {
    environment
        .instance
        .ok_or_else(|| Faults::one("the environment tells of no instance"))
}
