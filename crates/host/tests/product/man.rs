//! The man pages in `man/` say what the command line takes.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use clap_mangen::Man;

use crate::UPDATE;

#[test]
fn the_pages_are_those_of_the_command_line() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../man");
    let mut pages = BTreeMap::new();
    let mut command = without_help(snf_image::cli::command());
    command.build();
    render(&command, &mut pages);
    for (name, page) in &pages {
        let path = directory.join(name);
        if std::env::var_os(UPDATE).is_some() {
            fs::write(&path, page).unwrap();
        }
        let there = fs::read(&path).unwrap_or_default();
        assert!(
            there == *page,
            "man/{name} is out of date: run `cargo xtask man`"
        );
    }
    for entry in fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            pages.contains_key(&name),
            "man/{name} belongs to no command"
        );
    }
}

/// No page speaks of the commands that only print help, which have none.
fn without_help(command: clap::Command) -> clap::Command {
    let command = command.disable_help_subcommand(true);
    command.mut_subcommands(without_help)
}

/// With the sections of man-pages(7) in place of those that stand behind all help.
fn with_sections(page: Vec<u8>) -> Vec<u8> {
    String::from_utf8(page)
        .unwrap()
        .replace(".SH EXTRA\nExit status:\n", ".SH \"EXIT STATUS\"\n")
        .replace("\n\nFiles:\n", "\n.SH FILES\n")
        .into_bytes()
}

fn render(command: &clap::Command, pages: &mut BTreeMap<String, Vec<u8>>) {
    let name = command
        .get_display_name()
        .unwrap_or(command.get_name())
        .to_owned();
    let mut page = Vec::new();
    Man::new(command.clone().name(name.clone().leak() as &'static str))
        .section("8")
        .manual("snf-image")
        .render(&mut page)
        .unwrap();
    pages.insert(format!("{name}.8"), with_sections(page));
    for subcommand in command
        .get_subcommands()
        .filter(|it| it.get_name() != "help")
    {
        render(subcommand, pages);
    }
}
