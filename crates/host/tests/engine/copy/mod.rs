//! Copies real images onto real files and block devices and compares with independent tools.
// SPDX-License-Identifier: BSD-2-Clause

mod content;
mod dumps;
mod ending;
mod refusals;
mod streams;
mod support;
