//! The part of snf-image that runs inside the helper VM and customises the disk.
// SPDX-License-Identifier: BSD-2-Clause

pub mod channel;
pub mod cloud_init;
pub mod confine;
pub mod disk;
pub mod error;
pub mod guest;
pub mod init;
pub mod network;
pub mod run;
pub mod tasks;
