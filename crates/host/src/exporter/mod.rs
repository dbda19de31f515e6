//! Disks that QEMU alone can read or reach: a confined QEMU opens one and exports it by NBD.
//!
//! It is the emulator of the helper VM, run without a machine, so that a node needs no more
//! than it has. It gets the image as a descriptor, or the node's network for a disk behind a
//! URI, and a socket to export by. What to open is told it in typed options, never as a name
//! that QEMU would take apart, and never without the format. See docs/confinement.md.
// SPDX-License-Identifier: BSD-2-Clause

mod door;
mod error;
mod node;
mod process;
mod qmp;

pub use error::ExportError;
pub use node::{Container, Node, Protocol, Secret, SecretForm};
pub use process::{Exporter, Program};

/// What its only export is called.
pub const EXPORT: &str = "disk";
