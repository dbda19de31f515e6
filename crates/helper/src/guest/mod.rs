//! The mounted image: every look at its files and every change of them.
// SPDX-License-Identifier: BSD-2-Clause

pub mod authorized_keys;
pub mod crypt;
pub mod crypttab;
pub mod distro;
pub mod fstab;
pub mod glob;
pub mod hashing;
pub mod host_key;
pub mod hosts;
pub mod immutable;
pub mod init;
pub mod login_defs;
mod md5_crypt;
pub mod os_release;
pub mod passwd;
pub mod root;
pub mod selinux;
pub mod shadow;
pub mod sshd_config;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;
pub mod windows;
