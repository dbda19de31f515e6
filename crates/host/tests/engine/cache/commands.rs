//! `snf-image cache`.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process::{Command, Output};

use snf_image::digest::Algorithm;

use crate::cache::node::{MIB, Node, digest};

fn cache(node: &Node, arguments: &[&str]) -> Output {
    let config = node.path("config");
    let line = format!("IMAGE_CACHE_DIR=\"{}\"\n", node.path("cache").display());
    fs::write(&config, line).unwrap();
    Command::new(env!("CARGO_BIN_EXE_snf-image"))
        .arg("--config")
        .arg(&config)
        .arg("cache")
        .args(arguments)
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<serde_json::Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn the_cache_is_shown_checked_and_cleared() {
    let node = Node::set();
    let bytes = node.publish("disk", MIB, 1);
    let sha256 = digest(Algorithm::Sha256, &bytes);
    node.get("disk", None).unwrap();
    node.publish("other", MIB, 2);
    node.get("other", None).unwrap();

    let listed = lines(&cache(&node, &["list", "--json"]));
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["digest"], sha256);
    assert_eq!(listed[0]["length"], MIB);
    let text = String::from_utf8(cache(&node, &["list"]).stdout).unwrap();
    assert!(text.contains(&sha256) && text.contains("/disk"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");

    assert!(cache(&node, &["verify"]).status.success());
    let kept = node.path("cache").join(sha256.replace(':', "-"));
    File::options()
        .write(true)
        .open(kept)
        .unwrap()
        .write_all_at(&[!bytes[9]], 9)
        .unwrap();
    let output = cache(&node, &["verify", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let verdicts = lines(&output);
    assert_eq!(
        (&verdicts[0]["good"], &verdicts[1]["good"]),
        (&false.into(), &true.into())
    );
    assert_eq!(lines(&cache(&node, &["list", "--json"])).len(), 1);

    assert_eq!(lines(&cache(&node, &["prune", "--json"]))[0]["removed"], 0);
    assert_eq!(
        lines(&cache(&node, &["prune", "--all", "--json"]))[0]["removed"],
        1
    );
    assert_eq!(lines(&cache(&node, &["list", "--json"])).len(), 0);
}

#[test]
fn without_a_cache_there_is_nothing_to_show() {
    let output = Command::new(env!("CARGO_BIN_EXE_snf-image"))
        .args(["--config", "/dev/null", "cache", "list"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(0));
    assert_eq!(text.lines().count(), 1, "{text}");
}
