//! Images from back-ends: real programs with the protocol of release 0.23, good and bad.
// SPDX-License-Identifier: BSD-2-Clause
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod choice;
mod node;
mod sending;
