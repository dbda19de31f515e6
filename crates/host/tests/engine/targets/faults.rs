//! Servers that refuse, fail, hang or go away.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::time::{Duration, Instant};

use snf_image_testkit::nbd::Server;
use snf_image_testkit::process;

use crate::targets::stage::{MIB, Stage};

#[test]
fn what_cannot_be_reached_or_written_is_refused_in_time() {
    let mut stage = Stage::set();
    stage.program.patience = Duration::from_secs(3);
    let memory = ["nbdkit", "--foreground", "memory", "8M"];
    let closed = Server::on_port(&memory).unwrap().uri("");
    let nowhere = format!("nbd+unix:///?socket={}", stage.path("nothing").display());
    let reading =
        Server::on_port(&["nbdkit", "--foreground", "--readonly", "memory", "8M"]).unwrap();
    let empty = Server::on_port(&["nbdkit", "--foreground", "null", "0"]).unwrap();
    let slow = Server::on_port(&[
        "nbdkit",
        "--foreground",
        "--filter=delay",
        "memory",
        "8M",
        "delay-open=60",
    ])
    .unwrap();
    for (uri, why) in [
        (closed, "refused"),
        (nowhere, "No such file"),
        (reading.uri(""), "Permission denied"),
        (empty.uri(""), "cannot have 0"),
        (slow.uri(""), "within 3 s"),
        ("nbd://name.invalid/".into(), "name.invalid"),
    ] {
        let begin = Instant::now();
        let refusal = stage.reach(&uri).map(drop).unwrap_err();
        assert!(refusal.contains(why), "{uri}: {refusal}");
        assert!(begin.elapsed() < Duration::from_secs(10), "{uri}");
    }
    let left = process::descendants(std::process::id());
    let exporters = left.iter().filter(|pid| {
        process::command_line(**pid)
            .iter()
            .any(|word| word == "none")
    });
    assert_eq!(exporters.count(), 0);
}

/// Each error that a disk may report, with the filter's argument for it.
const ERRORS: [(&str, &str); 2] = [
    ("error-pwrite=EIO", "Input/output error"),
    ("error-pwrite=ENOSPC", "No space left"),
];

#[test]
fn an_error_in_the_midst_names_the_disk_and_the_place() {
    let stage = Stage::set();
    let image = stage.image(8 * MIB);
    for (error, why) in ERRORS {
        let sick = stage.path("sick");
        let file = format!("error-pwrite-file={}", sick.display());
        let command = [
            "nbdkit",
            "--foreground",
            "--filter=error",
            "memory",
            "16M",
            error,
            "error-pwrite-rate=100%",
            &file,
        ];
        let server = Server::on_port(&command).unwrap();
        let target = stage.reach(&server.uri("")).unwrap();
        fs::write(&sick, "").unwrap();
        let failure = stage.put(&image, &target).unwrap_err();
        assert!(
            failure.contains(why)
                && failure.contains("nbd://127.0.0.1")
                && failure.contains("at byte"),
            "{failure}"
        );
        fs::remove_file(&sick).unwrap();
        target.wipe_ends().unwrap();
    }
}

#[test]
fn an_error_of_the_flush_counts() {
    let stage = Stage::set();
    let image = stage.image(2 * MIB);
    let eval = [
        "nbdkit",
        "--foreground",
        "eval",
        "get_size=echo 8M",
        "pread=head -c $3 /dev/zero",
        "pwrite=cat >/dev/null",
        "can_write=exit 0",
        "can_flush=exit 0",
        "flush=echo EIO no >&2; exit 1",
    ];
    let server = Server::on_port(&eval).unwrap();
    let target = stage.reach(&server.uri("")).unwrap();
    let failure = stage.put(&image, &target).unwrap_err();
    assert!(failure.contains("cannot flush target nbd://"), "{failure}");
}

#[test]
fn a_server_that_hangs_or_dies_in_the_midst_ends_the_copy() {
    let mut stage = Stage::set();
    stage.program.patience = Duration::from_secs(3);
    let image = stage.image(64 * MIB);
    let hanging = [
        "nbdkit",
        "--foreground",
        "--filter=delay",
        "memory",
        "64M",
        "wdelay=60",
    ];
    let server = Server::on_port(&hanging).unwrap();
    let target = stage.reach(&server.uri("")).unwrap();
    let begin = Instant::now();
    let failure = stage.put(&image, &target).unwrap_err();
    assert!(failure.contains("no answer for 3 s"), "{failure}");
    drop(target);
    assert!(begin.elapsed() < Duration::from_secs(15));

    let slow = [
        "nbdkit",
        "--foreground",
        "--filter=rate",
        "memory",
        "64M",
        "rate=2M",
    ];
    let server = Server::on_port(&slow).unwrap();
    let target = stage.reach(&server.uri("")).unwrap();
    let failure = std::thread::scope(|scope| {
        let putting = scope.spawn(|| stage.put(&image, &target));
        drop(server);
        putting.join().unwrap().unwrap_err()
    });
    assert!(failure.contains("cannot write to target"), "{failure}");
}

#[test]
fn the_exporter_is_confined_and_ends_with_its_disk() {
    let stage = Stage::set();
    let server = Server::on_port(&["nbdkit", "--foreground", "memory", "8M"]).unwrap();
    let target = stage.reach(&server.uri("")).unwrap();
    let limit = Duration::from_secs(5);
    let pid = process::wait_for_descendant(std::process::id(), "qemu", limit).unwrap();
    let status = |field| process::status(pid, field).unwrap();
    assert_eq!(status("NoNewPrivs"), "1");
    assert_eq!(status("Seccomp"), "2");
    assert_eq!(status("CapEff"), "0000000000000000");
    assert_eq!(status("Uid"), "65534 65534 65534 65534");
    let line = process::command_line(pid).join(" ");
    assert!(!line.contains("127.0.0.1"), "{line}");
    drop(target);
    assert!(process::command_line(pid).is_empty());
}
