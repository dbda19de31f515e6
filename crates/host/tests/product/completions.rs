//! The shells' completions in `completions/` offer what the command line takes.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::PathBuf;
use std::process::Command;

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
        let script = with_one_name(script);
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

/// The generator for bash spells the program's name, with its hyphen, in two ways, so that what it
/// looks for it never finds.
fn with_one_name(script: Vec<u8>) -> Vec<u8> {
    let script = String::from_utf8(script).unwrap();
    script
        .replace("snf__subcmd__image", "snf__image")
        .into_bytes()
}

#[test]
fn bash_completes_options_behind_a_subcommand() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../completions");
    for (typed, offered) in [
        ("snf-image ", "deploy"),
        ("snf-image deploy --ima", "--image"),
        ("snf-image deploy --format ", "qcow2"),
        ("snf-image helper ", "check"),
        ("snf-image helper build --ker", "--kernel"),
    ] {
        let words: Vec<_> = typed.split(' ').collect();
        let script = format!(
            "source snf-image.bash; COMP_WORDS=({typed} ''); COMP_CWORD={}; \
             _snf__image snf-image '{}' '{}'; printf '%s\n' \"${{COMPREPLY[@]}}\"",
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2],
        );
        let mut bash = Command::new("bash");
        let said = bash.args(["-ec", &script]).current_dir(&directory).output();
        let said = said.unwrap();
        let replies = String::from_utf8(said.stdout).unwrap();
        assert!(
            replies.lines().any(|reply| reply == offered),
            "{typed}: {replies}"
        );
    }
}
