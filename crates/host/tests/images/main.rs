//! Images of every form, made by other tools and put onto disks by the process that does it
//! in a deployment.
// SPDX-License-Identifier: BSD-2-Clause
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod bombs;
mod collection;
mod compression;
mod containers;
mod matrix;
mod qcow2;
mod server;
mod stage;
mod storage;
