//! Whether an image is the one that its publisher made: digests and signatures of its bytes.
//!
//! What says how an image must be (a list of digests, a signature) is read and checked before
//! anything is written; the image's own bytes are checked as they come, still packed, by a
//! confined process that makes nothing of them. See docs/verification.md.
// SPDX-License-Identifier: BSD-2-Clause

mod checks;
mod document;
mod error;
mod keys;
mod list;
mod minisign;
mod openpgp;
mod prepare;
mod process;
mod report;
mod role;
mod signature;
mod storing;
mod taps;
mod waiting;

pub use checks::Checks;
pub use document::Document;
pub(crate) use document::{fetch_whole, no_scheme};
pub use error::{SignatureError, VerificationError};
pub use keys::{Keys, KeysError};
pub use list::{DigestList, LARGEST_LIST, ListError};
pub use prepare::{Claims, prepare};
pub use process::{Verified, Verifying};
pub(crate) use role::serve;
pub use signature::Signature;
