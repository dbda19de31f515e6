//! The launcher of the helper VM, with a real QEMU and with a script in its place.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise"
)]

mod boot;
mod faults;
mod machine;
