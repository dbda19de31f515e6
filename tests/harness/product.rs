//! Where the built product is.
// SPDX-License-Identifier: BSD-2-Clause

use std::env;
use std::path::PathBuf;

/// Everything that `cargo xtask test` prepares.
#[derive(Debug, Clone)]
pub struct Product {
    /// The host's program (`SNF_IMAGE`).
    pub snf_image: PathBuf,
    /// The helper's program, statically linked (`SNF_HELPER`).
    pub helper: PathBuf,
    /// The helper VM built with it (`SNF_HELPER_DIR`).
    pub helper_dir: PathBuf,
    /// A bootable Debian 12 on a GPT disk of 2 GiB, root in partition 1, which is the last
    /// one on the disk (`SNF_DEMO_IMAGE`).
    pub demo_image: PathBuf,
    /// Such a Debian with cloud-init, whose user `debian` is not made yet (`SNF_CLOUD_IMAGE`).
    pub cloud_image: Option<PathBuf>,
}

impl Product {
    /// Finds it, or says on standard error that the test is skipped.
    #[must_use]
    pub fn find() -> Option<Self> {
        let product = || {
            Some(Product {
                snf_image: path("SNF_IMAGE")?,
                helper: path("SNF_HELPER")?,
                helper_dir: path("SNF_HELPER_DIR")?,
                demo_image: path("SNF_DEMO_IMAGE")?,
                cloud_image: path("SNF_CLOUD_IMAGE"),
            })
        };
        let found = product();
        if found.is_none() {
            eprintln!("skipped: nothing is prepared; `cargo xtask test` does that");
        }
        found
    }
}

fn path(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from)
}
