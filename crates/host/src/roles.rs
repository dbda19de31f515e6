//! What each confined process of this program does once it is called by its role's name.
// SPDX-License-Identifier: BSD-2-Clause

use crate::role::{Inside, Role};
use crate::{copy, fetch, verification};

/// Does the job and ends the process. To be called first of all, while there is only one
/// thread.
pub fn main(role: Role) -> ! {
    let served = Inside::enter().and_then(|inside| match role {
        Role::Copy => copy::serve(inside),
        Role::Fetch => fetch::serve(inside),
        Role::Verify => verification::serve(inside),
    });
    // A host that is gone needs no telling, and any other failure was reported.
    std::process::exit(i32::from(served.is_err()))
}
