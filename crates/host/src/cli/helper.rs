//! The arguments of `snf-image helper`.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with the helper VM.
#[derive(Debug, Subcommand)]
pub enum HelperCommand {
    /// Build the helper VM's kernel and initramfs into HELPER_DIR
    Build(HelperBuildArguments),
    /// Show what the helper VM was built from
    Info,
    /// Boot the helper VM once, without disks, and say how long it took
    Check,
}

/// Arguments of `snf-image helper build`, and of `snf-image-update-helper`.
#[derive(Debug, Args)]
pub struct HelperBuildArguments {
    /// The helper's program, linked statically; by default the one installed with snf-image
    #[arg(long, value_name = "FILE")]
    pub helper: Option<PathBuf>,

    /// Take this kernel (bzImage or vmlinux) instead of the one of Debian's cloud kernel package
    #[arg(long, value_name = "FILE", requires = "modules")]
    pub kernel: Option<PathBuf>,

    /// The modules of that kernel: the directory that holds its modules.dep
    #[arg(long, value_name = "DIR", requires = "kernel")]
    pub modules: Option<PathBuf>,
}
