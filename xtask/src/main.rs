//! The front door for people who work on snf-image.
// SPDX-License-Identifier: BSD-2-Clause

fn main() {}
