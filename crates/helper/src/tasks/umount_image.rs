//! UmountImage: flushes and unmounts everything that MountImage mounted.
// SPDX-License-Identifier: BSD-2-Clause

use crate::disk::mount::unmount_all;
use crate::error::Result;
use crate::run::context::{Context, Done};

/// Lets go of the image.
///
/// # Errors
/// When a file system cannot be flushed or unmounted.
pub fn run(context: &mut Context<'_>) -> Result<Done> {
    context.root = None;
    unmount_all(&context.target)?;
    Ok(Done::Yes)
}
