//! Real programs behind the real barriers. Needs root, as the launcher does.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // a failed test may panic

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use snf_image_sandbox::{Confined, Descriptors, Launcher, Limits, Spec, StartError, Streams, User};

const LIMIT: Duration = Duration::from_secs(10);

fn launcher() -> Launcher {
    Launcher {
        program: env!("CARGO_BIN_EXE_snf-image-launcher").into(),
    }
}

fn shell(script: &str) -> Spec {
    Spec {
        user: User::lookup("nobody").unwrap(),
        program: "/bin/sh".into(),
        name: None,
        arguments: vec!["-c".into(), script.into()],
        readable: [
            "/usr",
            "/bin",
            "/lib",
            "/lib64",
            "/etc/ld.so.cache",
            "/proc",
        ]
        .map(Into::into)
        .to_vec(),
        writable: vec!["/dev/null".into()],
        network: false,
        own_places: false,
        limits: Limits::default(),
    }
}

fn start(
    spec: &Spec,
    descriptors: &Descriptors,
) -> Result<(Confined, impl Read + use<>), StartError> {
    let (output, theirs) = std::io::pipe().unwrap();
    let streams = Streams {
        stdout: theirs.try_clone().unwrap().into(),
        stderr: theirs.into(),
    };
    Ok((
        Confined::start(&launcher(), spec, descriptors, streams)?,
        output,
    ))
}

/// What a script prints, and its exit code.
fn outcome(spec: &Spec, descriptors: &Descriptors) -> (String, Option<i32>) {
    let (mut confined, mut output) = start(spec, descriptors).unwrap();
    let status = confined.wait(LIMIT).unwrap().expect("it ends in time");
    let mut text = String::new();
    output.read_to_string(&mut text).unwrap();
    (text, status.code())
}

fn output(script: &str) -> String {
    let (text, code) = outcome(&shell(script), &Descriptors::default());
    assert_eq!(code, Some(0), "{text}");
    text
}

#[test]
fn no_power_of_root_is_left() {
    let status = output("cat /proc/self/status");
    for line in [
        "Uid:\t65534\t65534\t65534\t65534",
        "Gid:\t65534\t65534\t65534\t65534",
        "CapInh:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        assert!(
            status.lines().any(|found| found == line),
            "{line}: {status}"
        );
    }
    let groups = status.lines().find(|line| line.starts_with("Groups:"));
    assert_eq!(groups.unwrap().trim_end(), "Groups:");
}

#[test]
fn every_namespace_is_its_own() {
    let inside = output("for n in net mnt pid ipc uts cgroup; do readlink /proc/self/ns/$n; done");
    for (line, name) in inside
        .lines()
        .zip(["net", "mnt", "pid", "ipc", "uts", "cgroup"])
    {
        let outside = std::fs::read_link(format!("/proc/self/ns/{name}")).unwrap();
        assert!(line.starts_with(name), "{inside}");
        assert_ne!(line, outside.to_str().unwrap());
    }
    assert_eq!(inside.lines().count(), 6);
    let interfaces = output("tail -n +3 /proc/net/dev | cut -d: -f1");
    assert_eq!(interfaces.trim(), "lo");
}

#[test]
fn places_of_its_own_show_nobody_else_and_keep_nothing() {
    let script = "cd /proc; echo [0-9]*; echo named 1<> self/task/1/comm; read name < self/comm; echo $name; echo kept > /tmp/file; cat /tmp/file";
    let spec = Spec {
        own_places: true,
        ..shell(script)
    };
    let (text, _) = outcome(&spec, &Descriptors::default());
    assert_eq!(text, "1\nnamed\nkept\n");
}

#[test]
fn only_named_files_can_be_opened() {
    let directory = tempfile::tempdir().unwrap();
    let open_to_all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open_to_all).unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "secret").unwrap();
    let mut spec = shell(&format!("cat {}", file.display()));
    let (text, code) = outcome(&spec, &Descriptors::default());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("Permission denied"));
    spec.readable.push(file);
    assert_eq!(outcome(&spec, &Descriptors::default()).0, "secret");
}

#[test]
fn only_passed_descriptors_are_there_at_their_numbers() {
    // A descriptor that the caller let slip to all its children.
    let slipped = File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&slipped, rustix::io::FdFlags::empty()).unwrap();
    let mut descriptors = Descriptors::default();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"first").unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let (second, theirs) = std::io::pipe().unwrap();
    assert_eq!(descriptors.add(OwnedFd::from(file)), 100);
    assert_eq!(descriptors.add(theirs.into()), 101);
    let script = r#"
        open(my $first, "<&=100"); print <$first>;
        opendir(my $all, "/proc/self/fd"); print join " ", sort grep /\d/, readdir $all;
        open(my $second, ">&=101"); print $second "second\n";
    "#;
    let mut spec = shell("");
    spec.program = "/usr/bin/perl".into();
    spec.arguments = vec!["-e".into(), script.into()];
    let (text, code) = outcome(&spec, &descriptors);
    drop(descriptors);
    assert_eq!(code, Some(0), "{text}");
    // 3 is the directory that is being listed.
    assert_eq!(text, "first0 1 100 101 2 3");
    let mut line = String::new();
    BufReader::new(second).read_line(&mut line).unwrap();
    assert_eq!(line, "second\n");
}

#[test]
fn the_environment_is_clean() {
    let environment = output("tr '\\0' '\\n' </proc/self/environ | sort");
    let names: Vec<_> = environment
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    for name in names {
        // The shell itself sets PWD and _.
        assert!(
            ["LC_ALL", "PATH", "PWD", "_", "SHLVL"].contains(&name),
            "{environment}"
        );
    }
    assert!(output("ulimit -c; ulimit -n").starts_with("0\n512\n"));
}

#[test]
fn threads_use_up_no_memory_that_is_limited() {
    let mut spec = shell("echo $MALLOC_ARENA_MAX");
    spec.limits.memory = Some(512 << 20);
    let (text, _) = outcome(&spec, &Descriptors::default());
    assert_eq!(text, "2\n");
}

#[test]
fn files_cannot_grow_past_the_limit() {
    let file = tempfile::tempfile().unwrap();
    let mut descriptors = Descriptors::default();
    descriptors.add(file.try_clone().unwrap().into());
    let mut spec = shell("");
    spec.program = "/usr/bin/perl".into();
    let script = r#"open(my $f, ">&=100"); syswrite($f, "x" x 20000); syswrite($f, "x")"#;
    spec.arguments = vec!["-e".into(), script.into()];
    spec.limits.file_size = Some(10_000);
    let (text, _) = outcome(&spec, &descriptors);
    assert_eq!(text, "");
    assert_eq!(file.metadata().unwrap().len(), 10_000);
}

#[test]
fn root_is_refused() {
    let mut spec = shell("true");
    spec.user.uid = 0;
    let error = start(&spec, &Descriptors::default()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "cannot run /bin/sh confined: refusing to run a confined program as root"
    );
}

#[test]
fn a_missing_program_is_named() {
    let mut spec = shell("true");
    spec.program = "/usr/bin/no-such-program".into();
    let error = start(&spec, &Descriptors::default()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "cannot run /usr/bin/no-such-program confined: cannot execute \
         /usr/bin/no-such-program: No such file or directory (os error 2)"
    );
}

#[test]
fn a_dropped_handle_ends_all_that_was_started() {
    let (confined, mut output) = start(
        &shell("trap '' TERM; sleep 1000 & sleep 1000"),
        &Descriptors::default(),
    )
    .unwrap();
    confined.terminate();
    let begun = Instant::now();
    drop(confined);
    // Both sleeps hold the pipe: its end means that they are gone.
    output.read_to_end(&mut Vec::new()).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_program_is_asked_before_it_is_killed() {
    let (mut confined, mut output) = start(
        &shell("trap 'echo asked; exit 7' TERM; echo up; while :; do sleep 0.05; done"),
        &Descriptors::default(),
    )
    .unwrap();
    let mut up = [0; 3];
    output.read_exact(&mut up).unwrap();
    assert!(confined.wait(Duration::ZERO).unwrap().is_none());
    confined.terminate();
    let status = confined.wait(LIMIT).unwrap().unwrap();
    assert_eq!(status.code(), Some(7));
}

/// What the two tests below start as another process: a host that only waits.
#[test]
#[ignore = "run by the_program_dies_with_its_host and closed_standard_streams_do_no_harm"]
fn host_for_other_tests() {
    let descriptor = std::env::var("SNF_TEST_FIFO").unwrap();
    let fifo = std::fs::OpenOptions::new()
        .write(true)
        .open(descriptor)
        .unwrap();
    let streams = Streams {
        stdout: fifo.into(),
        stderr: Stdio::null(),
    };
    let mut confined = Confined::start(
        &launcher(),
        &shell(&std::env::var("SNF_TEST_SCRIPT").unwrap()),
        &Descriptors::default(),
        streams,
    )
    .unwrap();
    confined.wait(Duration::from_secs(60)).unwrap().unwrap();
}

fn host(fifo: &Path, script: &str) -> Command {
    let status = Command::new("mkfifo").arg(fifo).status().unwrap();
    assert!(status.success());
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            "exec \"$0\" --ignored --exact host_for_other_tests 0<&- 1>&- 2>&-",
        ])
        .arg(std::env::current_exe().unwrap())
        .env("SNF_TEST_FIFO", fifo)
        .env("SNF_TEST_SCRIPT", script)
        .process_group(0);
    command
}

#[test]
fn the_program_dies_with_its_host() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    let mut host = host(&fifo, "echo up; sleep 1000").spawn().unwrap();
    let mut output = File::open(&fifo).unwrap();
    let mut up = [0; 3];
    output.read_exact(&mut up).unwrap();
    let begun = Instant::now();
    host.kill().unwrap();
    // The program and its child hold the pipe: its end means that they are gone.
    output.read_to_end(&mut Vec::new()).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
    host.wait().unwrap();
}

#[test]
fn closed_standard_streams_do_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    let mut host = host(&fifo, "ls /proc/self/fd | tr '\\n' ' '")
        .spawn()
        .unwrap();
    let mut text = String::new();
    File::open(&fifo)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(host.wait().unwrap().success());
    assert_eq!(text, "0 1 2 3 ");
}
