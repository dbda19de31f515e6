//! ConfigureNetwork: a script for the first start.
// SPDX-License-Identifier: BSD-2-Clause

use crate::error::Result;
use crate::guest::windows::first_boot::{self, Moment};
use crate::run::context::{Context, Done};

/// Has the interfaces configured by their MAC addresses.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let nics = context.parameters.nics.as_slice();
    if nics.is_empty() {
        let reason = "no network interface was given: the image keeps its network configuration";
        return Ok(Done::Skipped(reason.into()));
    }
    let Some(script) = first_boot::network::script(nics) else {
        let reason = "nothing was asked for that Windows does not do by itself";
        return Ok(Done::Skipped(reason.into()));
    };
    first_boot::add(
        context.root()?,
        Moment::EndOfSetup,
        "20-network.ps1",
        &script,
    )?;
    (context.reporter).notice("Windows configures its network at the end of its setup");
    Ok(Done::Yes)
}
