//! The mounted image: every look at its files and every change of them.
// SPDX-License-Identifier: BSD-2-Clause

pub mod root;
