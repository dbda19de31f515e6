//! What is done, one file a subcommand.
// SPDX-License-Identifier: BSD-2-Clause

mod deploy;
mod failure;
mod helper;
mod output;
mod signals;

use std::process::ExitCode;

use crate::cli::{Cli, Command, HelperCommand};
use crate::config::{self, Settings};

pub use failure::Failure;

/// Does what the command line says and prints why it could not.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    output::log_to_standard_error(cli.verbose);
    match settings(cli).and_then(|settings| dispatch(cli, &settings)) {
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

fn settings(cli: &Cli) -> Result<Settings, Failure> {
    let (settings, warnings) =
        config::load(cli.config.as_deref()).map_err(|fault| Failure::input(&fault))?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(settings)
}

fn dispatch(cli: &Cli, settings: &Settings) -> Result<(), Failure> {
    match &cli.command {
        Command::Deploy(arguments) => deploy::run(arguments, settings, cli),
        Command::Helper(HelperCommand::Build(arguments)) => helper::build(arguments, settings),
        Command::Helper(HelperCommand::Info) => helper::info(settings, cli.json),
        Command::Helper(HelperCommand::Check) => helper::check(settings),
    }
}
