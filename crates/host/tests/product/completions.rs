//! The shells' completions in `completions/` offer what the command line takes.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::PathBuf;

use clap_complete::Shell;

use crate::UPDATE;

#[test]
fn the_completions_are_those_of_the_command_line() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../completions");
    for (shell, name) in [
        (Shell::Bash, "snf-image.bash"),
        (Shell::Zsh, "_snf-image"),
        (Shell::Fish, "snf-image.fish"),
    ] {
        let mut command = snf_image::cli::command();
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, "snf-image", &mut script);
        let path = directory.join(name);
        if std::env::var_os(UPDATE).is_some() {
            fs::write(&path, &script).unwrap();
        }
        let there = fs::read(&path).unwrap_or_default();
        assert!(
            there == script,
            "completions/{name} is out of date: run `cargo xtask man`"
        );
    }
}
