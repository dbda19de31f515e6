//! The disks: partition tables, file systems, and where they are mounted.
// SPDX-License-Identifier: BSD-2-Clause

pub mod btrfs;
pub(crate) mod bytes;
pub mod detect;
pub mod device;
pub mod discoverable;
pub mod ext;
pub mod f2fs;
pub mod fit;
pub mod fstab;
pub mod gpt;
pub mod iso;
pub mod layout;
pub mod lvm;
pub mod mbr;
pub mod modules;
pub mod mount;
pub mod ntfs;
pub mod ostree;
pub mod probe;
pub mod resolve;
pub mod swap;
pub mod table;
pub mod xfs;

#[cfg(test)]
mod samples_tests;
