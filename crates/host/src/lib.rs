//! The host part of snf-image: from an image to a machine's own disk.
//!
//! `source` gives bytes, `target` takes them, `vm` runs the helper that customises the
//! disk, and `deploy` puts the three together. Front ends turn what they were given into
//! one `request`, checked whole before anything is touched.
//! ARCHITECTURE.md has all modules, in layers.
// SPDX-License-Identifier: BSD-2-Clause

pub mod appliance;
pub mod backend;
pub mod cache;
pub mod cancel;
pub mod cli;
pub mod commands;
pub mod config;
pub mod copy;
pub mod deploy;
pub mod digest;
pub mod exporter;
pub mod fetch;
pub mod format;
pub mod ganeti;
pub mod monitor;
pub mod nbd;
mod output;
pub mod private_dir;
pub mod reference;
pub mod request;
pub mod role;
pub mod roles;
pub mod shell_syntax;
pub mod size;
pub mod small_file;
pub mod source;
pub mod spool;
pub mod store;
pub mod target;
pub mod text;
pub mod verification;
pub mod vm;
