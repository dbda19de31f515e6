//! The OS definition's directory and the sample configuration say what the program does.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};

use snf_image::config::os_parameters;

use crate::UPDATE;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

#[test]
fn ganeti_is_told_of_the_parameters_that_there_are() {
    let list = os_parameters::list();
    let path = repository("os/parameters.list");
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, &list).unwrap();
    }
    assert!(
        fs::read_to_string(path).unwrap() == list,
        "os/parameters.list is out of date: run `cargo xtask man`"
    );
    // A line without a name or a description makes Ganeti's commands crash.
    for line in list.lines() {
        let (name, description) = line.split_once(' ').unwrap();
        assert!(
            !name.is_empty() && !description.trim().is_empty(),
            "{line:?}"
        );
    }
}

#[test]
fn the_definition_is_one_program_under_five_names() {
    for script in ["create", "export", "import", "rename", "verify"] {
        let link = fs::read_link(repository("os").join(script)).unwrap();
        assert_eq!(link, Path::new("../../../../bin/snf-image"), "{script}");
    }
    let versions = fs::read_to_string(repository("os/ganeti_api_version")).unwrap();
    assert_eq!(versions, "20\n");
}

#[test]
fn the_sample_configuration_shows_the_defaults() {
    let sample = fs::read_to_string(repository("etc/default/snf-image")).unwrap();
    let is_setting = |line: &&str| line.starts_with(|first: char| first.is_ascii_uppercase());
    let shown: String = sample
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(is_setting)
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(shown.lines().count() > 10, "{shown}");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("snf-image");
    fs::write(&file, &shown).unwrap();
    let config = snf_image::config::load(Some(&file)).unwrap();
    assert_eq!(config.settings, snf_image::config::Settings::default());
    assert_eq!(config.warnings, Vec::<String>::new());
}
