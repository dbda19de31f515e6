//! FirstBoot: a PowerShell script runs at the end of setup.
// SPDX-License-Identifier: BSD-2-Clause

use crate::error::{Error, Result};
use crate::guest::windows::first_boot::{self, Moment};
use crate::run::context::{Context, Done};

/// Adds the script of property `FIRST_BOOT_SCRIPT` to the steps that setup runs at its end. Its
/// first line, which names its interpreter, is a comment to PowerShell.
///
/// # Errors
/// When the script is for another interpreter, or cannot be written.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let script = context.parameters.properties.first_boot_script();
    let Some(script) = script.map_err(|error| Error::image(error.to_string()))? else {
        let reason = "property FIRST_BOOT_SCRIPT is not given";
        return Ok(Done::Skipped(reason.into()));
    };
    if !is_power_shell(&script) {
        return Err(Error::image(
            "the script in property FIRST_BOOT_SCRIPT is not for Windows: its first line must name \
             PowerShell, as in #!powershell",
        ));
    }
    first_boot::add(
        context.root()?,
        Moment::EndOfSetup,
        "60-first-boot.ps1",
        &script,
    )?;
    Ok(Done::Yes)
}

/// Whether a script's first line names PowerShell, by either of its names.
fn is_power_shell(script: &[u8]) -> bool {
    let line = script.split(|byte| *byte == b'\n').next();
    let line = String::from_utf8_lossy(line.unwrap_or_default()).to_ascii_lowercase();
    let words = line.strip_prefix("#!").unwrap_or_default();
    words
        .split(|letter: char| letter.is_whitespace() || letter == '/' || letter == '\\')
        .any(|word| matches!(word.trim_end_matches(".exe"), "powershell" | "pwsh"))
}
