//! Back-ends that fail while they send: never a deployed image, always one line, nothing left.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use snf_image::cancel::Cancel;

use crate::backends::node::{MIB, Node, image};

/// A node whose only back-end announces a MiB and does this with `image`, which has it.
fn node(script: &str) -> Node {
    let node = Node::new();
    node.write("image", image(MIB), 0o600);
    node.sends(MIB, script);
    node
}

#[test]
fn what_is_not_sent_whole_is_no_image() {
    for (script, words) in [
        // All of it came, and yet something was wrong.
        (
            "cat image; echo checksum of block 7 is wrong >&2; exit 3",
            "exit code 3: checksum of block 7 is wrong",
        ),
        (
            "head -c 300000 image; echo lost the store >&2; exit 1",
            "exit code 1: lost the store",
        ),
        ("head -c 300000 image; kill -9 $$", "killed by SIGKILL"),
        ("printf '\\033[31mred\\n' >&2; exit 1", "\\x1b[31mred"),
        ("exit 1", "back-end only: exit code 1"),
        ("head -c 300000 image", "1048576 bytes, and 300000 came"),
        ("cat image image", "1048576 bytes, and 2097152 came"),
        ("true", "empty"),
        (
            "head -c 300000 image; exec sleep 1000",
            "x:… (back-end only) sent nothing for 2 s after byte 300000",
        ),
        ("exec sleep 1000", "sent nothing for 2 s after byte 0"),
    ] {
        let node = node(script);
        let reason = node.deploy("x:hunter2").unwrap_err();
        assert!(reason.contains(words), "{script}: {reason}");
    }
}

#[test]
fn a_packed_image_that_is_not_sent_whole_is_none_either() {
    let packed = "gzip -c image > packed";
    for (script, words) in [
        (
            format!("{packed}; head -c 300000 packed; exit 4"),
            "exit code 4",
        ),
        (format!("{packed}; cat packed"), "1048576 bytes, and "),
    ] {
        let reason = node(&script).deploy("x:y").unwrap_err();
        assert!(reason.contains(words), "{script}: {reason}");
    }
}

#[test]
fn a_size_that_is_none_stops_before_the_copy() {
    for (answer, words) in [
        ("echo -1", "number of bytes"),
        ("echo 0x10", "number of bytes"),
        ("true", "number of bytes"),
        ("echo 99999999999999999999", "number of bytes"),
        ("yes 1", "too much"),
        (
            "echo no such object >&2; exit 1",
            "-s: exit code 1: no such object",
        ),
        (
            "exec sleep 1000",
            "-s was not answered within 2 s (BACKENDS_TIMEOUT)",
        ),
    ] {
        let node = Node::new();
        let script =
            format!("#!/bin/sh\ncase $1 in -p) echo yes;; -s) {answer};; *) touch ran;; esac\n");
        node.write("src/only", script, 0o755);
        let reason = node.deploy("x:y").unwrap_err();
        assert!(
            reason.starts_with("back-end only: ") && reason.contains(words),
            "{reason}"
        );
        assert!(!node.path("disk").exists());
    }
}

/// Whether any process has this word in its arguments.
fn runs(word: &str) -> bool {
    let entries = fs::read_dir("/proc").unwrap().map_while(Result::ok);
    entries
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).contains(word))
}

#[test]
fn a_child_that_is_left_behind_ends_with_it() {
    // Distinct numbers, so that no other test's processes are meant.
    let node = node("cat image; (setsid sleep 987001 &); sleep 987001 & exit 0");
    node.deploy("x:y").unwrap();
    assert!(node.holds(&image(MIB)));
    assert!(!runs("987001"));
}

#[test]
fn one_that_is_not_wanted_any_more_ends_with_all_its_children() {
    let node = node("sleep 987002 & cat image | head -c 1000; wait");
    let cancel = Cancel::new().unwrap();
    let canceller = cancel.clone();
    let begin = Instant::now();
    let outcome = thread::scope(|scope| {
        let copying = scope.spawn(|| node.copy("x:y", &cancel));
        while !runs("987002") {
            assert!(begin.elapsed() < Duration::from_secs(10));
            thread::yield_now();
        }
        canceller.cancel();
        copying.join().unwrap()
    });
    assert_eq!(outcome.unwrap_err(), "cancelled");
    assert!(!runs("987002"));
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn it_gets_no_descriptor_and_no_variable_of_the_node_s() {
    let node = node("ls /proc/self/fd > fds; env > env; cat image");
    node.write(
        "conf/only.conf",
        "export TOKEN='a b'\nDIR=\"/x/$TOKEN\"\n",
        0o600,
    );
    node.deploy("x:y").unwrap();
    let read = |name: &str| fs::read_to_string(node.path(name)).unwrap();
    // 3 is the directory that is being listed.
    assert_eq!(read("fds"), "0\n1\n2\n3\n");
    let environment = read("env");
    assert!(environment.contains("TOKEN=a b\n") && environment.contains("DIR=/x/a b\n"));
    assert!(!environment.contains("CARGO"), "{environment}");
}

#[test]
fn what_it_says_without_end_costs_nothing() {
    let node = node("yes words >&2 & cat image; kill $!; exit 5");
    let reason = node.deploy("x:y").unwrap_err();
    assert!(reason.contains("exit code 5"), "{reason}");
}
