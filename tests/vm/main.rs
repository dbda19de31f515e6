//! The built product in real virtual machines. `cargo xtask test` prepares what these tests need.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "in a test a fault of the set-up is a failure"
)]

mod bad_input;
mod boot;
mod broken_images;
mod cache;
mod cloud_init;
mod confinement;
mod events;
mod families;
mod ganeti_blocks;
mod ganeti_create;
mod ganeti_faults;
mod ganeti_life;
mod helper_files;
mod helper_vm;
mod hostile;
mod identity;
mod images;
mod interruption;
mod limits;
mod matrix;
mod mounts;
mod programs;
mod remote;
mod roots;
mod secrets;
mod sources;
mod storage;
mod swap;
mod systemd;
mod tables;
mod verification;
mod windows;
