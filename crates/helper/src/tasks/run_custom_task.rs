//! Runs the program that came with the request.
// SPDX-License-Identifier: BSD-2-Clause

use crate::error::Result;
use crate::run::context::{Context, Done};
use crate::run::foreign;

/// Runs the program of property `CUSTOM_TASK` while the image is mounted.
///
/// # Errors
/// When it cannot be run or fails.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let Some(program) = context.parameters.properties.custom_task()? else {
        return Ok(Done::Skipped("property CUSTOM_TASK is not given".into()));
    };
    // Without a mounted image there is nothing that it could work on.
    context.root()?;
    foreign::run(context, "CUSTOM_TASK", &program, None)?.success()?;
    Ok(Done::Yes)
}
