//! The helper VM seen from the host: its start, its channels, its end.
//!
//! [`accel::choose`] says how its processor is made, [`start`] boots a [`Machine`] behind the
//! sandbox's barriers, and [`Running`] waits for it, opens its gate and finds out whether it
//! did its work. Everything that comes out of the VM is bounded and made harmless here.
// SPDX-License-Identifier: BSD-2-Clause

pub mod accel;
mod channels;
mod command_line;
mod error;
mod evidence;
mod launch;
mod lines;
mod machine;
mod params_disk;
mod ports;
mod supervise;

pub use channels::Observer;
pub(crate) use command_line::ROOT_SERIAL;
pub use error::VmError;
pub use launch::find_emulator;
pub use machine::{Disk, Machine, ParametersDisk, TimeLimits};
pub use params_disk::{ParamsDisk, ParamsError};
pub use supervise::{Report, Running, start};
