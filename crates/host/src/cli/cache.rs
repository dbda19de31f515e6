//! The arguments of `snf-image cache`.
// SPDX-License-Identifier: BSD-2-Clause

use clap::Subcommand;

/// What to do with the images that are kept in IMAGE_CACHE_DIR.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Show the images in the cache, the one that was used last at the end
    List,
    /// Remove what takes more than IMAGE_CACHE_SIZE, and what was left unfinished
    Prune {
        /// Remove all images that are not in use
        #[arg(long)]
        all: bool,
    },
    /// Read all images in the cache, and remove those that are damaged
    Verify,
}
