//! What the product brings along says what the program does.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod completions;
mod definition;
mod man;
mod output;
mod shared_user;

/// With this variable set, what is made from the program is written instead of compared: `cargo xtask man`.
const UPDATE: &str = "SNF_UPDATE_MAN";
