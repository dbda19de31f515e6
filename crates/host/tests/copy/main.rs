//! Copies real images onto real files and block devices and compares with independent tools.
// SPDX-License-Identifier: BSD-2-Clause
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod content;
mod dumps;
mod ending;
mod refusals;
mod streams;
mod support;
