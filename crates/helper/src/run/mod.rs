//! Runs the tasks in their order.
// SPDX-License-Identifier: BSD-2-Clause

pub mod context;
