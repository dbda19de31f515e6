//! Scripts that the helper's program runs confined, on the machine of the test.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test a fault of the set-up is a failure"
)]

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// How a confined program ended, and what it said.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs a program on the image in a directory.
fn run(image: &TempDir, program: &[u8]) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_snf-image-helper"))
        .arg("--confined")
        .arg(image.path())
        .arg("pre-exec")
        .env("SNF_IMAGE_TARGET", image.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(program).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn script(image: &TempDir, lines: &str) -> Ended {
    run(image, format!("#!/bin/sh\n{lines}\n").as_bytes())
}

#[test]
fn how_the_program_ends_is_told() {
    let image = tempfile::tempdir().unwrap();
    for (lines, code) in [
        ("exit 0", 0),
        ("test \"$1\" = pre-exec && exit 101", 101),
        ("sh -c 'kill -9 $$'; exit $?", 137),
    ] {
        let ended = script(&image, lines);
        assert_eq!(ended.code, Some(code), "{lines}: {}", ended.stderr);
    }
    let ended = run(&image, b"#!/no/such/interpreter\n");
    assert_eq!(ended.code, Some(126));
    assert!(
        ended.stderr.contains("does not have its interpreter"),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_image_can_be_changed_and_nothing_else() {
    let image = tempfile::tempdir().unwrap();
    let ended = script(
        &image,
        "cd \"$SNF_IMAGE_TARGET\" && mkdir etc && echo x > etc/file && chown 12:34 etc/file\n\
         for place in /usr/bin/x /etc/x /root/x /sys/x; do\n\
         echo x 2>/dev/null > $place && echo wrote $place\n\
         done\n\
         echo x > /tmp/confined && echo x > /run/confined || echo nothing of its own",
    );
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), ""),
        "{}",
        ended.stderr
    );
    let stat = Command::new("stat")
        .args(["--format=%u %g %a"])
        .arg(image.path().join("etc/file"))
        .output()
        .unwrap();
    assert_eq!(stat.stdout, b"12 34 644\n");
    assert!(!fs::exists("/tmp/confined").unwrap() && !fs::exists("/run/confined").unwrap());
    // Nothing of it is mounted where we are.
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(image.path().to_str().unwrap()));
}

#[test]
fn it_sees_no_devices_no_other_process_and_no_kernel() {
    let image = tempfile::tempdir().unwrap();
    let ended = script(
        &image,
        "cd /dev && echo *; cd /sys && echo *; cd /run && echo * */*; cd /proc && echo [a-r]* [t-z]*; echo $$\n\
         cat /proc/self/status | grep -E '^(CapBnd|CapEff|NoNewPrivs):'",
    );
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "fd full null random stderr stdin stdout urandom zero",
            "*",
            "snf-image-helper snf-image-helper/program",
            "[a-r]* thread-self",
            "1",
            // chown, dac_override, fowner, fsetid, kill, setgid, setuid, linux_immutable, sys_chroot, setfcap
            "CapEff:\t00000000800402fb",
            "CapBnd:\t00000000800402fb",
            "NoNewPrivs:\t1",
        ],
        "{}",
        ended.stderr
    );
}

#[test]
fn what_it_starts_ends_with_it() {
    let image = tempfile::tempdir().unwrap();
    let ended = script(&image, "setsid sleep 98765 < /dev/null & exit 0");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let found = Command::new("pgrep")
        .args(["-f", "sleep 98765"])
        .output()
        .unwrap();
    assert_eq!(found.stdout, b"");
}

#[test]
fn a_program_that_is_not_the_helper_s_first_process_is_no_activation() {
    let output = Command::new(env!("CARGO_BIN_EXE_snf-image-helper"))
        .arg("--confined")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
