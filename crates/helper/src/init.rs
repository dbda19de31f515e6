//! init.
// SPDX-License-Identifier: BSD-2-Clause

/// Runs the helper as the first process.
pub fn main() {}
