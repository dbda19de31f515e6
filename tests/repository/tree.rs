//! The tree is what its documents say: who depends on whom, what is unsafe, which test shows what.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use snf_image_testkit::tool::Tool;

/// What each crate may depend on among ours. Crates for tests may use all.
const ALLOWED: [(&str, &[&str]); 5] = [
    ("snf-image-protocol", &[]),
    ("snf-image-qcow2", &[]),
    ("snf-image-sandbox", &[]),
    (
        "snf-image-host",
        &["snf-image-protocol", "snf-image-qcow2", "snf-image-sandbox"],
    ),
    ("snf-image-helper", &["snf-image-protocol"]),
];

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Our crates and what each is built with among ours; development dependencies left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let json = Tool::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .directory(&repository())
        .run()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_str(&json).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let name = package["name"].as_str().unwrap().to_owned();
            let ours = package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
                .filter(|dependency| dependency.starts_with("snf-image"))
                .collect();
            (name, ours)
        })
        .collect()
}

#[test]
fn crates_depend_on_each_other_only_along_the_line_of_trust() {
    let dependencies = dependencies();
    for (name, allowed) in ALLOWED {
        for dependency in &dependencies[name] {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn unsafe_code_is_in_the_sandbox_alone() {
    for crate_name in ["protocol", "qcow2", "host", "helper"] {
        let source = repository().join("crates").join(crate_name).join("src");
        for file in rust_files(&source) {
            let text = fs::read_to_string(&file).unwrap();
            let allowed = text.contains("allow(unsafe_code") || text.contains("expect(unsafe_code");
            assert!(!allowed, "{} allows unsafe code", file.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_its_licence() {
    let mut files = rust_files(&repository().join("crates"));
    files.extend(rust_files(&repository().join("xtask")));
    files.extend(rust_files(&repository().join("tests")));
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.display();
        assert!(text.starts_with("//! "), "{name} has no opening sentence");
        assert!(
            text.contains("\n// SPDX-License-Identifier: BSD-2-Clause\n"),
            "{name} has no SPDX line"
        );
    }
}

#[test]
fn every_page_is_in_the_list_of_pages() {
    let pages = repository().join("docs");
    let list = fs::read_to_string(pages.join("README.md")).unwrap();
    for page in fs::read_dir(pages).unwrap() {
        let name = page.unwrap().file_name().into_string().unwrap();
        let is_listed = name == "README.md" || list.contains(&format!("]({name})"));
        assert!(is_listed, "docs/README.md does not name {name}");
    }
}

/// The tests that a cell of a table names as `file: test`, as paths and names.
fn named_tests(cell: &str) -> Vec<(PathBuf, String)> {
    let quoted = cell.split('`').skip(1).step_by(2);
    let tests = quoted.filter_map(|quoted| {
        let (file, test) = quoted.split_once(".rs: ")?;
        let folder = match file.split('/').next()? {
            "vm" | "ganeti" => "tests",
            "host" | "helper" | "protocol" => "crates",
            _ => "",
        };
        let file = repository().join(folder).join(format!("{file}.rs"));
        Some((file, test.to_owned()))
    });
    tests.collect()
}

#[test]
fn what_is_promised_to_work_names_a_test_that_exists() {
    let page = fs::read_to_string(repository().join("docs/compatibility.md")).unwrap();
    assert!(named_tests(&page).len() > 100);
    for line in page.lines() {
        assert_exist(line);
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [.., now, shown] = cells.as_slice() else {
            continue;
        };
        if now.starts_with("kept") || now.starts_with("changed") {
            let is_shown = *shown == "the same" || !named_tests(shown).is_empty();
            assert!(is_shown, "no test shows this: {line}");
        }
    }
}

#[test]
fn what_is_said_of_sources_names_tests_that_exist() {
    let page = fs::read_to_string(repository().join("docs/sources.md")).unwrap();
    assert!(named_tests(&page).len() > 20);
    page.lines().for_each(assert_exist);
}

/// All tests that a line names.
fn assert_exist(line: &str) {
    for (file, test) in named_tests(line) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            text.contains(&format!("fn {test}(")),
            "no test {test} in {}, which this names: {line}",
            file.display()
        );
    }
}

pub(crate) fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
