//! The engine: copy, helper VM beside it, clean-up.
// SPDX-License-Identifier: BSD-2-Clause

pub mod copy;
