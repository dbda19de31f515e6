//! Back-ends: programs of the administrator's that read images which nothing here knows.
//!
//! The protocol is that of release 0.23, see docs/backends.md. A back-end needs its credentials, so
//! it keeps root's rights; the bytes that it sends go down a pipe to the copy's confined process.
// SPDX-License-Identifier: BSD-2-Clause

mod answer;
mod directory;
mod error;
mod lines;
mod select;
mod stream;

pub use directory::{Backend, Place, list};
pub use error::BackendError;
pub use stream::start;

use snf_image_sandbox::{Attended, Program, Streams};

/// Starts a back-end with these arguments.
fn run(backend: &Backend, arguments: &[&str], streams: Streams) -> Result<Attended, BackendError> {
    let program = Program {
        path: backend.program.clone(),
        arguments: arguments.iter().map(|&argument| argument.into()).collect(),
        environment: backend.variables.clone(),
    };
    Attended::start(&crate::role::launcher(), &program, streams)
        .map_err(|error| backend.failed(error))
}
