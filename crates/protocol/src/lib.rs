//! What crosses the boundary between the host and the helper VM.
//!
//! The host writes [`Parameters`] on a small read-only disk and opens the gate
//! with one [`Gate`] line; the helper answers with one [`Event`] a line and,
//! at the end, with one [`Verdict`] line. Nothing in this crate does any I/O:
//! it only says what the bytes mean and refuses those that mean nothing.
// SPDX-License-Identifier: BSD-2-Clause

mod event;
mod gate;
mod guest_path;
mod hostname;
mod network;
mod parameters;
mod personality;
mod properties;
mod secret;
mod task;
mod verdict;
mod windows;

pub use event::{Event, MAX_EVENT_LINE, MAX_EVENTS};
pub use gate::{Gate, GateError, MAX_GATE_LINE};
pub use guest_path::{GuestPath, GuestPathError};
pub use hostname::{Hostname, HostnameError};
pub use network::{
    AddressError, Domain, Ipv4, Ipv6, MAX_LIST, MAX_NICS, MacAddress, MacError, Network, Nic,
    NicError, Route, netmask,
};
pub use parameters::{HostKey, PARAMETERS_FILE, PARAMS_LABEL, Parameters, VERSION};
pub use personality::{Account, FileMode, InjectedFile, PersonalityError};
pub use properties::{
    CUSTOM_TASK, CloudInit, FIRST_BOOT_SCRIPT, HashMethod, Identity, Ip6, MAX_PROGRAM, MAX_SCRIPT,
    MachineId, NewUser, NicProperties, OsFamily, Properties, PropertyError, Rights, Swap,
    TIME_ZONE, is_time_zone, parse_route,
};
pub use secret::Secret;
pub use task::Task;
pub use verdict::Verdict;
pub use windows::{Drivers, Windows};
