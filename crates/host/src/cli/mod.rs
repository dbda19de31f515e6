//! What can be typed.
// SPDX-License-Identifier: BSD-2-Clause

mod cache;
mod config;
mod deploy;
mod helper;

use std::path::PathBuf;

use clap::{ArgAction, CommandFactory, Parser, Subcommand};

pub use cache::CacheCommand;
pub use config::ConfigArguments;
pub use deploy::DeployArguments;
pub use helper::{HelperBuildArguments, HelperCommand};

macro_rules! exit_status {
    () => {
        "\
Exit status:
  0  done
  1  the deployment failed, or the node is not ready for one
  2  wrong usage or input: nothing was touched"
    };
}

const AFTER_HELP: &str = concat!(
    exit_status!(),
    "

Files:
  /etc/snf-image/snf-image.conf, /etc/default/snf-image  the configuration, see --config
  /var/lib/snf-image/helper                              the helper VM (HELPER_DIR)"
);

/// Turn an operating system image that nobody should trust into a machine's own disk
#[derive(Debug, Parser)]
#[command(name = "snf-image", version, after_long_help = AFTER_HELP)]
pub struct Cli {
    /// Read this configuration file instead of those of the system
    ///
    /// It holds NAME=value lines in the shell's syntax, without commands. `snf-image config`
    /// shows every setting; /etc/default/snf-image explains them.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Say what is being done, and after a failure show the end of the helper's log; twice: show all of the log
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    /// Print messages as JSON lines on standard output
    #[arg(long, global = true)]
    pub json: bool,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show, clear or check the cache of images that were fetched
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Show the settings that are in effect, and where each comes from
    Config(ConfigArguments),
    /// Deploy an image onto a disk and customise it
    #[command(after_long_help = exit_status!())]
    Deploy(Box<DeployArguments>),
    /// Build, show or try the helper VM
    #[command(subcommand)]
    Helper(HelperCommand),
}

/// The whole command line, for man pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
