//! Confinement: runs a program so that it holds no more power than its job needs.
//!
//! The caller describes the program with a [`Spec`] and gets a [`Confined`] handle. Between
//! the two stands the launcher, a second run of the caller's own executable that puts up one
//! barrier after the other (one file each), executes the program and watches over it.
//! docs/confinement.md lists every step in its order.
// SPDX-License-Identifier: BSD-2-Clause

// The one crate where the workspace allows it: fork(2), close_range(2), asking for a signal's action and a
// step between fork and exec have no safe wrapper. Every block says why it is sound.
#![allow(unsafe_code)]

mod attendant;
mod attended;
mod bound;
mod child;
mod confined;
mod core_dumps;
mod descriptors;
mod environment;
mod error;
mod filesystem;
mod ids;
pub mod launcher;
mod limits;
mod namespaces;
mod parent_death;
mod passed;
mod privileges;
mod signals;
mod spec;
mod supervisor;
mod system_calls;
mod user;
mod wire;

pub use attended::{Attended, Program};
pub use bound::die_with_caller;
pub use confined::{Confined, Launcher, Streams};
pub use core_dumps::forbid_core_dumps;
pub use descriptors::{Descriptors, keep_inherited_from_programs};
pub use error::{ConfineError, StartError};
pub use passed::passed;
pub use signals::is_ignored;
pub use spec::{Limits, Spec};
pub use system_calls::{Calls, restrict_system_calls};
pub use user::{User, UserError};
