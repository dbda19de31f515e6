//! The Ganeti OS interface, version 20: `create`, `import`, `export`, `rename`, `verify`.
//!
//! Each of these names is this program, called by Ganeti with everything in environment
//! variables (ganeti-os-interface(7)). What they hold is read once into typed values; no
//! process that is started later inherits any of them.
// SPDX-License-Identifier: BSD-2-Clause

pub mod config_url;
mod create;
mod disk;
pub mod environment;
mod export;
mod fault;
pub mod image_id;
mod import;
mod log;
mod nics;
pub mod parameters;
mod properties;
mod rename;
mod script;
mod story;
mod verify;
mod words;

pub use script::{Script, run};
