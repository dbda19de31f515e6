//! `cargo xtask man`: writes what is made from the program's own definitions: man pages, completions,
//! and the list of OS parameters.
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
            "product",
        ])
        .env("SNF_UPDATE_MAN", "1"))
}
