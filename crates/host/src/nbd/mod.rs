//! A client of the NBD protocol, for disks that a confined QEMU exports over a socket.
//!
//! The server has interpreted an image's bytes or speaks to the network, so that nothing it
//! says is taken at its word: lengths are bounded, answers must fit their requests, and every
//! request has to be answered in time.
//!
//! Protocol: <https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md>.
// SPDX-License-Identifier: BSD-2-Clause

mod client;
mod connection;
mod error;
mod extents;
mod handshake;
mod protocol;
mod reply;
mod wire;

pub use client::Client;
pub use connection::Connection;
pub use error::NbdError;
pub use extents::Extent;
pub(crate) use extents::Known;
pub use handshake::Export;
