//! Images put onto disks by the processes that do it in a deployment, against real tools and servers.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::redundant_closure,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise"
)]

mod backends;
mod cache;
mod copy;
mod fetch;
mod images;
mod nbd;
mod targets;
mod verification;
