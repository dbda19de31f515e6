//! Runs programs for the subcommands, in the open.
// SPDX-License-Identifier: BSD-2-Clause

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Says what comes next.
pub(crate) fn say(what: &str) {
    eprintln!("==> {what}");
}

/// Runs a program whose output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("starting {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(())
}

/// The cargo that runs us, at the top of the working tree.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(crate::paths::root());
    command
}
