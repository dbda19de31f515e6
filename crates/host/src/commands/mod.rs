//! What is done, one file a subcommand.
// SPDX-License-Identifier: BSD-2-Clause

mod cache;
mod deploy;
mod failure;
mod helper;
mod show;

use std::process::ExitCode;

use crate::cli::{Cli, Command, HelperCommand};
use crate::config::{self, Config};
use crate::output;

pub use failure::Failure;

/// Does what the command line says and prints why it could not.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    output::log_to_standard_error(cli.verbose);
    match configuration(cli).and_then(|config| dispatch(cli, config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure.to_string());
            for line in failure.log_tail() {
                output::complain_more(line);
            }
            ExitCode::from(failure.exit_status())
        }
    }
}

fn configuration(cli: &Cli) -> Result<Config, Failure> {
    let config = config::load(cli.config.as_deref()).map_err(|fault| Failure::input(&fault))?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

fn dispatch(cli: &Cli, config: Config) -> Result<(), Failure> {
    let settings = &config.settings;
    match &cli.command {
        Command::Cache(command) => cache::run(command, settings, cli.json),
        Command::Config(arguments) => show::run(arguments, config, cli.json),
        Command::Deploy(arguments) => deploy::run(arguments, settings, cli),
        Command::Helper(HelperCommand::Build(arguments)) => helper::build(arguments, settings),
        Command::Helper(HelperCommand::Info) => helper::info(settings, cli.json),
        Command::Helper(HelperCommand::Check) => helper::check(settings),
    }
}
