//! Images that were fetched before and are kept on the node: one download serves many deployments.
//!
//! They are kept as they came, named by their SHA-256. Beside them lie references: by the URL with
//! the validator that its server gave, or by another digest. The bytes are written by the process that verifies
//! an image, never by this one, and they are verified anew whenever they are used. See docs/cache.md.
// SPDX-License-Identifier: BSD-2-Clause

mod blob;
mod claim;
mod directory;
mod fetching;
mod identity;
mod listing;
mod reference;
mod room;

pub use blob::Hit;
pub use claim::Claim;
pub use directory::{Cache, CacheError};
pub use fetching::{Fetched, fetch};
pub use identity::Identity;
pub use listing::Listed;
