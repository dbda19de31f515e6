//! Parts of this program that touch what nobody should trust, each a confined process.
//!
//! A role is this very executable, run again behind the sandbox's barriers under the role's
//! name: no rights, no files, own namespaces, limits. It gets a job and open descriptors from
//! the host process, does the job with them alone, and reports back; see docs/confinement.md.
// SPDX-License-Identifier: BSD-2-Clause

mod inside;
mod lines;
mod process;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::OnceLock;

use snf_image_sandbox::{Calls, Launcher};

pub use inside::{Inside, Reporter};
pub(crate) use lines::Lines;
pub(crate) use process::{LIBRARIES, how_it_ended};
pub use process::{Needs, Process, RoleError};

/// What such a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Puts an image onto a target.
    Copy,
    /// Fetches an image from another machine.
    Fetch,
    /// Takes digests of an image and checks its signature.
    Verify,
}

/// The executable that takes roles, where it is not this one.
static TAKEN_BY: OnceLock<PathBuf> = OnceLock::new();

/// Makes `program` take the roles from here on: for tests, whose own executable has none.
pub fn taken_by(program: PathBuf) {
    // Who comes second wants the same.
    let _ = TAKEN_BY.set(program);
}

/// The executable that starts programs, behind barriers or not.
pub(crate) fn launcher() -> Launcher {
    TAKEN_BY
        .get()
        .map_or_else(Launcher::default, |program| Launcher {
            program: program.clone(),
        })
}

const ROLES: [Role; 3] = [Role::Copy, Role::Fetch, Role::Verify];

impl Role {
    /// The name (argv\[0\]) under which this executable takes the role, also in `ps`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Role::Copy => "snf-image-copy",
            Role::Fetch => "snf-image-fetch",
            Role::Verify => "snf-image-verify",
        }
    }

    /// The role of a process that was called by this name.
    #[must_use]
    pub fn from_argv0(argv0: &OsStr) -> Option<Self> {
        ROLES.into_iter().find(|role| argv0 == role.name())
    }

    /// The system calls that the role goes on needing once it has started.
    #[must_use]
    pub fn calls(self) -> Calls {
        match self {
            Role::Copy | Role::Verify => Calls::Data,
            Role::Fetch => Calls::Network,
        }
    }
}
