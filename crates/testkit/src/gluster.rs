//! GlusterFS on this machine, as long as a command runs.
// SPDX-License-Identifier: BSD-2-Clause

/// What runs a command beside a GlusterFS: the arguments are a directory for its files, which is
/// made, the user to whom the disk `gluster://10.99.0.1/disks/disk` belongs, its bytes, and the
/// command.
pub const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/gluster.sh");
