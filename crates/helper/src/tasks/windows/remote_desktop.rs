//! DisableRemoteDesktopConnections: nobody comes in while setup runs.
// SPDX-License-Identifier: BSD-2-Clause

use crate::error::{Error, Result};
use crate::guest::windows::first_boot;
use crate::guest::windows::registry::{Hive, Purpose, Value};
use crate::guest::windows::system::SYSTEM;
use crate::run::context::{Context, Done};

/// The value that says whether connections are refused: 0 where they are let in.
const SWITCH: &str = "fDenyTSConnections";

/// Switches Remote Desktop off where it is on, and has it switched on again at the end of setup:
/// until then the password is the one of the image.
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
    first_boot::add(
        root,
        "90-remote-desktop.ps1",
        &first_boot::remote_desktop(0),
    )?;
    hive.set(&key, SWITCH, &Value::dword(1))?;
    hive.finish()?;
    Ok(Done::Yes)
}
