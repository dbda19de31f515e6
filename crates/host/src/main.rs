//! The command line of snf-image.
// SPDX-License-Identifier: BSD-2-Clause

fn main() {}
