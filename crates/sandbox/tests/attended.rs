//! Programs of the administrator's: what they get, and that nothing of them is left.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(clippy::unwrap_used, reason = "a test may end on a fault")]

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType};
use snf_image_sandbox::{Attended, Launcher, Program, StartError, Streams};

const LIMIT: Duration = Duration::from_secs(10);

fn start(script: &str) -> Result<(Attended, PipeReader), StartError> {
    let launcher = Launcher {
        program: env!("CARGO_BIN_EXE_snf-image-launcher").into(),
    };
    let program = Program {
        path: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        environment: vec![("GIVEN".into(), "to it".into())],
    };
    let (output, theirs) = std::io::pipe().unwrap();
    let streams = Streams {
        stdout: theirs.try_clone().unwrap().into(),
        stderr: theirs.into(),
    };
    Ok((Attended::start(&launcher, &program, streams)?, output))
}

/// All that a script prints, until nobody is left who could, and how it ended.
fn outcome(script: &str) -> (String, ExitStatus) {
    let begin = Instant::now();
    let (mut program, mut output) = start(script).unwrap();
    let mut text = String::new();
    output.read_to_string(&mut text).unwrap();
    let status = program.wait(LIMIT).unwrap().unwrap();
    assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
    (text, status)
}

#[test]
fn it_keeps_its_rights_and_gets_nothing_else() {
    let slipped = File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&slipped, rustix::io::FdFlags::empty()).unwrap();
    let script = "id -u; readlink /proc/self/ns/net; pwd; echo $GIVEN; cat; \
                  env | cut -d= -f1 | sort | tr '\\n' ' '; ls /proc/self/fd | tr '\\n' ' '";
    let (text, status) = outcome(script);
    assert!(status.success());
    let network = std::fs::read_link("/proc/self/ns/net").unwrap();
    let me = rustix::process::geteuid().as_raw();
    let network = network.display();
    // The shell sets PWD, and _ for env; 3 is the directory that is being listed.
    let rest = text.strip_prefix(&format!("{me}\n{network}\n/\nto it\n"));
    let rest = rest.unwrap().replace("OLDPWD ", "").replace("_ ", "");
    assert_eq!(rest, "GIVEN LC_ALL PATH PWD 0 1 2 3 ");
}

#[test]
fn how_it_ended_is_told_by_code_and_by_signal() {
    assert_eq!(outcome("exit 7").1.code(), Some(7));
    assert_eq!(outcome("kill -9 $$").1.signal(), Some(9));
}

#[test]
fn nothing_that_it_started_outlives_it() {
    // A child, one with a session of its own, and one whose parent is gone. All hold the output.
    let script =
        "sleep 1000 & setsid sleep 1000 & (setsid sh -c 'sleep 1000 & sleep 1000' &) ; echo up";
    let (text, status) = outcome(script);
    assert_eq!(text, "up\n");
    assert!(status.success());
}

#[test]
fn a_dropped_handle_asks_and_then_kills_all() {
    for (script, last) in [
        (
            "trap 'echo asked; exit' TERM; echo up; sleep 1000 & wait",
            "asked\n",
        ),
        ("trap '' TERM; echo up; setsid sleep 1000 & sleep 1000", ""),
    ] {
        let (program, output) = start(script).unwrap();
        let mut output = BufReader::new(output);
        output.read_line(&mut String::new()).unwrap();
        let begin = Instant::now();
        drop(program);
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, last);
        assert!(begin.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_program_that_cannot_be_executed_is_named() {
    let launcher = Launcher {
        program: env!("CARGO_BIN_EXE_snf-image-launcher").into(),
    };
    let program = Program {
        path: "/nonexistent/program".into(),
        arguments: Vec::new(),
        environment: Vec::new(),
    };
    let streams = Streams {
        stdout: Stdio::null(),
        stderr: Stdio::null(),
    };
    let error = Attended::start(&launcher, &program, streams).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot execute /nonexistent/program: No such file or directory (os error 2)"
    );
}

/// The launcher is given its order, and finds nobody when it reports that it has obeyed.
#[test]
fn a_host_that_is_gone_before_the_start_is_reported_leaves_nothing_behind() {
    let packets = AddressFamily::UNIX;
    let (host, theirs) =
        rustix::net::socketpair(packets, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .unwrap();
    let program = Program {
        path: "/bin/sh".into(),
        arguments: vec!["-c".into(), "setsid sleep 1000 & sleep 1000".into()],
        environment: Vec::new(),
    };
    let order = serde_json::json!({ "Attended": program }).to_string();
    rustix::net::send(&host, order.as_bytes(), SendFlags::empty()).unwrap();
    drop(host);
    let (mut output, held) = std::io::pipe().unwrap();
    let mut launcher = Command::new(env!("CARGO_BIN_EXE_snf-image-launcher"))
        .stdin(theirs)
        .stdout(held)
        .spawn()
        .unwrap();
    // Both sleeps hold the pipe: its end means that they are gone.
    output.read_to_end(&mut Vec::new()).unwrap();
    assert!(!launcher.wait().unwrap().success());
}

/// What the test below starts as another process: a host that only waits.
#[test]
#[ignore = "run by a_killed_host_takes_all_along"]
fn host_for_another_test() {
    let fifo = std::env::var_os("SNF_TEST_FIFO").unwrap();
    let fifo = File::options().write(true).open(fifo).unwrap();
    let launcher = Launcher {
        program: env!("CARGO_BIN_EXE_snf-image-launcher").into(),
    };
    let program = Program {
        path: "/bin/sh".into(),
        arguments: vec![
            "-c".into(),
            "echo up; setsid sleep 1000 & sleep 1000".into(),
        ],
        environment: Vec::new(),
    };
    let streams = Streams {
        stdout: fifo.into(),
        stderr: Stdio::null(),
    };
    let mut program = Attended::start(&launcher, &program, streams).unwrap();
    program.wait(Duration::from_secs(60)).unwrap().unwrap();
}

#[test]
fn a_killed_host_takes_all_along() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "host_for_another_test"])
        .env("SNF_TEST_FIFO", &fifo)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(File::open(&fifo).unwrap());
    output.read_line(&mut String::new()).unwrap();
    let begin = Instant::now();
    host.kill().unwrap();
    // Both sleeps hold the pipe: its end means that they are gone.
    output.read_to_end(&mut Vec::new()).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2));
    host.wait().unwrap();
}
