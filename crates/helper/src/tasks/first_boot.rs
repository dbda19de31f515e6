//! Leaves a script in the image that the machine runs once, when it boots for the first time.
// SPDX-License-Identifier: BSD-2-Clause

mod starter;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::guest::root::{Attributes, Root};
use crate::run::context::{Context, Done};
use starter::Starter;

/// Where the script lies until it has run: where SELinux lets a service run what is there.
const SCRIPT: &str = "/usr/local/sbin/snf-image-first-boot";

/// Puts the script of property `FIRST_BOOT_SCRIPT` into the image, which only root may read, and has
/// the image's init system start it once and remove it.
///
/// # Errors
/// When the image has no init system that is known, or not the script's interpreter, or when a
/// file cannot be written.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let Some(script) = context.parameters.properties.first_boot_script()? else {
        let reason = "property FIRST_BOOT_SCRIPT is not given";
        return Ok(Done::Skipped(reason.into()));
    };
    let root = context.root()?;
    require_interpreter(root, &script)?;
    let starter = Starter::find(root)?;
    let path = Path::new(SCRIPT);
    if let Some(parent) = path.parent() {
        root.make_directories(parent, Attributes::of_root(0o755))?;
    }
    root.install(path, &script, Attributes::of_root(0o700))?;
    starter.install(root)?;
    Ok(Done::Yes)
}

fn require_interpreter(root: &Root, script: &[u8]) -> Result<()> {
    let interpreter = interpreter(script);
    if interpreter.is_absolute() && root.exists(&interpreter) {
        return Ok(());
    }
    Err(Error::image(format!(
        "the image does not have the interpreter {interpreter:?} of the script in property FIRST_BOOT_SCRIPT"
    )))
}

/// The program that a script names in its first line.
fn interpreter(script: &[u8]) -> PathBuf {
    let line = script.split(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default().strip_prefix(b"#!");
    let line = String::from_utf8_lossy(line.unwrap_or_default()).into_owned();
    line.split_ascii_whitespace()
        .next()
        .unwrap_or_default()
        .into()
}

#[cfg(test)]
mod tests;
