//! `cargo xtask man`: writes the man pages and completions that the command line's definition
//! gives.
// SPDX-License-Identifier: BSD-2-Clause

use anyhow::Result;

use crate::command::{cargo, run};

/// Lets the tests that compare them write them instead.
pub(crate) fn man() -> Result<()> {
    run(cargo()
        .args([
            "test",
            "--quiet",
            "--package",
            "snf-image-host",
            "--test",
            "man",
            "--test",
            "completions",
        ])
        .env("SNF_UPDATE_MAN", "1"))
}
