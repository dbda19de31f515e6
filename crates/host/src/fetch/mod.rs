//! Images by URL: a confined process fetches them, and sends what comes down a pipe.
//!
//! The host process looks up no name, opens no connection and reads not one byte of an answer.
//! Where the process may connect to is the node's [`Policy`].
// SPDX-License-Identifier: BSD-2-Clause

mod addresses;
mod client;
mod complaint;
mod dial;
mod download;
mod ftp;
mod http;
mod keystone;
mod location;
mod oci;
mod options;
mod origin;
mod permit;
mod policy;
mod producer;
mod report;
mod resolver;
mod role;
mod s3;
mod swift;
mod watchdog;

pub use location::Location;
pub use options::{Options, OptionsError};
pub use policy::Policy;
pub use producer::{FetchError, Found, start, start_unless};
pub(crate) use role::serve;
