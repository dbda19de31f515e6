//! What is to be run, and what it may reach.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::User;

/// A program and its confinement. It reaches the launcher as JSON over a socket, never as
/// arguments that everybody on the machine could read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Whom it runs as; never root.
    pub user: User,
    /// Its executable, absolute.
    pub program: PathBuf,
    /// The name that it is told it was called by (argv\[0\]); the executable's where none.
    pub name: Option<String>,
    /// Its arguments, without the name of the program.
    pub arguments: Vec<String>,
    /// Files and directories that it may read, and whose files it may execute. A path that
    /// does not exist is passed over.
    pub readable: Vec<PathBuf>,
    /// Files that it may also write, such as a device node.
    pub writable: Vec<PathBuf>,
    /// Whether it shares the node's network; it has none at all otherwise.
    pub network: bool,
    /// Whether it gets, where the kernel lets it, a `/proc` of its own processes, in which its
    /// threads can give themselves names, and a small `/tmp` of its own, in memory.
    pub own_places: bool,
    /// What it may use up.
    pub limits: Limits,
}

/// Bounds of setrlimit(2) beside those that always hold (no core dump, few open files).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The largest file that it may write, in bytes; block devices are not bound by it.
    pub file_size: Option<u64>,
    /// Its address space (RLIMIT_AS), in bytes.
    pub memory: Option<u64>,
    /// Its processor time (RLIMIT_CPU), in seconds.
    pub processor_seconds: Option<u64>,
}
