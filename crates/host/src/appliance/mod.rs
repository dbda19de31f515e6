//! The helper VM's files: kernel, initramfs and the manifest that binds them.
// SPDX-License-Identifier: BSD-2-Clause

mod build;
mod command_line;
mod debian;
mod debootstrap;
mod decompress;
mod elf;
mod error;
mod files;
mod initramfs;
mod kernel;
mod manifest;
mod modules;
mod open;
mod run;
mod tools;

pub use build::{BuildOptions, Builder, KernelSource, build};
pub use debootstrap::Debootstrap;
pub use error::ApplianceError;
pub use manifest::{FORMAT, FileEntry, MANIFEST_FILE, Manifest};
pub use open::{Appliance, DEFAULT_DIRECTORY};
