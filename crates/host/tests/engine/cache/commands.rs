//! `snf-image cache`.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use snf_image::digest::Algorithm;

use crate::cache::node::{MIB, Node, digest};

fn cache(node: &Node, arguments: &[&str]) -> Output {
    command(node, env!("CARGO_BIN_EXE_snf-image"), arguments)
        .output()
        .unwrap()
}

fn command(node: &Node, program: &str, arguments: &[&str]) -> Command {
    let config = node.path("config");
    let line = format!("IMAGE_CACHE_DIR=\"{}\"\n", node.path("cache").display());
    fs::write(&config, line).unwrap();
    let mut command = Command::new(program);
    if program == "nohup" {
        command.arg(env!("CARGO_BIN_EXE_snf-image"));
    }
    command.arg("--config").arg(&config).arg("cache");
    command.args(arguments);
    command
}

/// The numbers of a line in a file of proc(5).
fn told(pid: u32, file: &str, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().trim().to_owned()
}

fn mask(pid: u32, name: &str) -> u64 {
    u64::from_str_radix(&told(pid, "status", name), 16).unwrap()
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

#[test]
fn signals_end_it_in_one_line_without_a_dump_and_what_nohup_ignores_does_not() {
    let node = Node::set();
    drop(node.cache());
    // Hours of work.
    let endless = node
        .path("cache")
        .join(format!("sha256-{}", "0".repeat(64)));
    File::create(&endless).unwrap().set_len(1 << 42).unwrap();
    let bit = |signal: Signal| 1_u64 << (signal.as_raw() - 1);
    let child = command(&node, "nohup", &["verify"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let begin = Instant::now();
    while mask(pid, "SigCgt:") & bit(Signal::QUIT) == 0 {
        assert!(begin.elapsed() < Duration::from_secs(30), "no handler");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_ne!(mask(pid, "SigCgt:") & bit(Signal::TERM), 0);
    assert_eq!(mask(pid, "SigCgt:") & bit(Signal::HUP), 0);
    assert_ne!(mask(pid, "SigIgn:") & bit(Signal::HUP), 0);
    let core = told(pid, "limits", "Max core file size");
    // Whatever the caller's own limit was.
    assert!(
        ["0", "1"].contains(&core.split_whitespace().next().unwrap()),
        "{core}"
    );

    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    kill_process(Pid::from_child(&child), Signal::QUIT).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}
