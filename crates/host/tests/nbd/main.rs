//! The NBD client against servers of other projects, and against one that lies.
// SPDX-License-Identifier: BSD-2-Clause
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod liars;
mod servers;
