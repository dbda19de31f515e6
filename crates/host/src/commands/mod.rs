//! What is done, one file a subcommand.
// SPDX-License-Identifier: BSD-2-Clause

mod cache;
mod deploy;
mod failure;
mod helper;
mod show;

use std::io;
use std::process::ExitCode;

use crate::cli::{Cli, Command, HelperCommand};
use crate::config::{self, Config};
use crate::monitor::{JsonLines, Message, Monitor};
use crate::output;

pub use failure::Failure;

/// Does what the command line says and prints why it could not.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    output::log_to_standard_error(cli.verbose);
    let outcome = check_user(&cli.command)
        .and_then(|()| configuration(cli))
        .and_then(|config| dispatch(cli, config));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if cli.json {
                JsonLines::new(io::stdout()).message(&Message::error(failure.to_string()));
            }
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
        Command::Cache(command) => said(cache::run(command, settings, cli.json)),
        Command::Config(arguments) => said(show::run(arguments, config, cli.json)),
        Command::Deploy(arguments) => deploy::run(arguments, settings, cli),
        Command::Helper(HelperCommand::Build(arguments)) => {
            helper::build(arguments, settings, cli.json)
        }
        Command::Helper(HelperCommand::Info) => said(helper::info(settings, cli.json)),
        Command::Helper(HelperCommand::Check) => helper::check(settings, cli.json),
    }
}

/// Root alone can start processes as another user, which is how all that touches an image runs.
fn check_user(command: &Command) -> Result<(), Failure> {
    let what = match command {
        Command::Deploy(_) => "deploy",
        Command::Helper(HelperCommand::Build(_)) => "helper build",
        Command::Helper(HelperCommand::Check) => "helper check",
        Command::Cache(_) | Command::Config(_) | Command::Helper(HelperCommand::Info) => {
            return Ok(());
        }
    };
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(Failure::input(&format!("run `snf-image {what}` as root")))
}

/// Of a command that has nothing but what it says: a failure where that was lost.
fn said(outcome: Result<(), Failure>) -> Result<(), Failure> {
    outcome?;
    output::all_was_said()
        .map_err(|error| Failure::failed(&format!("writing to standard output: {error}")))
}
