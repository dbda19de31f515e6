//! Reads qcow2 images that nobody should trust: what cannot be read whole is refused by name.
//!
//! Written after QEMU's docs/interop/qcow2.txt. Only the image's own bytes are ever looked
//! at: an image that refers to another file is refused, and nothing here opens one.
// SPDX-License-Identifier: BSD-2-Clause
#![forbid(unsafe_code)]

mod bytes;
mod cache;
mod check;
mod entry;
mod error;
mod fields;
mod geometry;
mod header;
mod image;
mod survey;
mod unpack;

pub use bytes::Bytes;
pub use check::Limits;
pub use error::{Error, ReadError};
pub use header::{Compression, Header};
pub use image::Image;
