//! Disks, guests, machines and independent readers for the tests.
//!
//! Disks are made by the system's own tools in plain files, without mounts, and read
//! back by tools that the product does not use.
// SPDX-License-Identifier: BSD-2-Clause

mod bytes;
pub mod ceph;
pub mod console;
pub mod disk;
pub mod ext;
pub mod filesystem;
pub mod gluster;
pub mod hive;
pub mod http;
pub mod iscsi;
pub mod layout;
pub mod leftovers;
pub mod loop_device;
pub mod machine;
mod memcached;
pub mod nbd;
pub mod ntfs;
pub mod process;
pub mod registry;
pub mod relay;
pub mod swift;
pub mod tool;
pub mod tree;
pub mod web;
pub mod windows;
