//! DisableRemoteDesktopConnections: nobody comes in while setup runs.
// SPDX-License-Identifier: BSD-2-Clause

use super::when_passwords_are_set;
use crate::error::{Error, Result};
use crate::guest::windows::first_boot;
use crate::guest::windows::registry::{Hive, Purpose, Value};
use crate::guest::windows::system::SYSTEM;
use crate::run::context::{Context, Done};

/// The value that says whether connections are refused: 0 where they are let in.
const SWITCH: &str = "fDenyTSConnections";

/// Switches Remote Desktop off where it is on, and has it switched on again at the end of setup, or after
/// Cloudbase-Init: until then the password is the one of the image.
///
/// # Errors
/// When the registry cannot be changed.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let Some(windows) = &context.windows else {
        return Ok(Done::Skipped("nothing is known of its registry".into()));
    };
    let root = context.root()?;
    let hive = Hive::open(root, SYSTEM, Purpose::Set)?;
    let mut hive = hive.ok_or_else(|| Error::image(format!("the image has no {SYSTEM}")))?;
    let key = format!(r"{}\Control\Terminal Server", windows.control_set);
    let old = hive.value(&key, SWITCH)?.and_then(|value| value.as_dword());
    if old != Some(0) {
        return Ok(Done::Skipped("Remote Desktop is off in the image".into()));
    }
    let script = first_boot::remote_desktop(0);
    let moment = when_passwords_are_set(context);
    first_boot::add(root, moment, "90-remote-desktop.ps1", &script)?;
    hive.set(&key, SWITCH, &Value::dword(1))?;
    hive.finish()?;
    Ok(Done::Yes)
}
