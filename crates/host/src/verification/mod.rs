//! Whether an image is the one that its publisher made: digests of its bytes.
//!
//! They are taken of the bytes as they come, still packed, while the copy runs. See
//! docs/verification.md.
// SPDX-License-Identifier: BSD-2-Clause

mod digest;

pub use digest::{Algorithm, Digest, DigestError, Hasher};
