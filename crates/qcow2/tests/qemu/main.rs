//! Images that qemu-img(1) and qemu-io(1) write, read beside qemu-img itself.
// SPDX-License-Identifier: BSD-2-Clause
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod chance;
mod damaged;
mod random;
mod support;
