//! FirstBoot: a PowerShell script runs at the end of setup.
// SPDX-License-Identifier: BSD-2-Clause

use crate::error::{Error, Result};
use crate::guest::windows::first_boot::{self, Moment};
use crate::run::context::{Context, Done};

/// What says that a text is in UTF-8.
const MARK: &str = "\u{feff}";

/// Adds the script of property `FIRST_BOOT_SCRIPT` to the steps that setup runs at its end. Its
/// first line, which names its interpreter, is a comment to PowerShell.
///
/// # Errors
/// When the script is for another interpreter, or cannot be written.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let Some(script) = context.parameters.properties.first_boot_script()? else {
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
        &marked(script),
    )?;
    Ok(Done::Yes)
}

/// With a byte order mark where it is needed: PowerShell takes a script without one for the old code page of the machine
/// (Microsoft, "about_Character_Encoding").
fn marked(script: Vec<u8>) -> Vec<u8> {
    if script.is_ascii() || str::from_utf8(&script).is_err() {
        return script;
    }
    [MARK.as_bytes(), &script].concat()
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

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use snf_image_protocol::Parameters;

    use super::super::tests::{properties, windows};
    use super::*;
    use crate::guest::testing::nothing;

    fn task(context: &mut Context<'_>) -> Result<Done> {
        run(context)
    }

    #[test]
    fn a_script_for_the_first_boot_is_one_of_power_shell() {
        let asked_for = |script: &str| Parameters {
            properties: properties(&[("FIRST_BOOT_SCRIPT", &STANDARD.encode(script))]),
            ..nothing()
        };
        let script = "#!C:\\Windows\\powershell.exe\r\nGet-Date\r\n";
        let image = windows();
        image.run(task, &asked_for(script)).0.unwrap();
        assert_eq!(
            image.text("/Windows/Setup/Scripts/snf-image/60-first-boot.ps1"),
            script
        );
        let other = "#!powershell\nnew-item größe\n";
        for given in [other.to_owned(), format!("\u{feff}{other}")] {
            image.run(task, &asked_for(&given)).0.unwrap();
            assert_eq!(
                image.text("/Windows/Setup/Scripts/snf-image/60-first-boot.ps1"),
                format!("\u{feff}{other}")
            );
        }
        let refused = image.run(task, &asked_for("#!/bin/sh\nexit\n")).0;
        assert!(refused.unwrap_err().to_string().contains("#!powershell"));
    }
}
