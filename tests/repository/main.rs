//! What the repository holds, checked as it lies there.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "in a test a fault of the set-up is a failure"
)]

mod modules;
mod packaging;
mod tree;
