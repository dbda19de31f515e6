//! The installed packages on a real cluster. `cargo xtask ganeti` prepares what these tests need.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test a fault of the set-up is a failure"
)]

mod console;
mod crowd;
mod debootstrap;
mod failures;
mod full_disk;
mod life;
mod os;
mod packages;
mod rapi;
