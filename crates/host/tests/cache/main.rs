//! Images from a server, kept on this node, and used again.
// SPDX-License-Identifier: BSD-2-Clause
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::redundant_closure,
    reason = "a test may stop at the first surprise"
)]

mod commands;
mod damage;
mod node;
mod room;
mod sharing;
