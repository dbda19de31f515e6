//! The arguments of `snf-image config`.
// SPDX-License-Identifier: BSD-2-Clause

use clap::Args;

/// Arguments of `snf-image config`.
#[derive(Debug, Args)]
pub struct ConfigArguments {
    /// Show what is in effect for instances of this OS variant
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
}
