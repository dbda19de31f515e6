//! Disks behind URIs, of real servers, with images put onto them by the processes that do it in a
//! deployment.
// SPDX-License-Identifier: BSD-2-Clause
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod faults;
mod nbd;
mod stage;
