//! Hostile and broken helpers, played by a script in QEMU's place.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::machine::{Log, accelerator, gate, machine};
use snf_image::cancel::Cancel;
use snf_image::config::AcceleratorChoice;
use snf_image::vm::accel::Kind;
use snf_image::vm::{Machine, Report, VmError, find_emulator, start};

/// Gives the script `say(port, text)`, `await_gate()` (which gives the key) and
/// `honest_end(key, tasks...)`.
const PRELUDE: &str = r#"#!/usr/bin/perl
my %fd; for (@ARGV) { $fd{$1} = $2 if /^socket,id=(\w+),fd=(\d+)$/ }
my %port; open($port{$_}, "+<&=", $fd{$_}) or die for keys %fd;
sub say { my ($port, $text) = @_; while (length $text) {
    my $sent = syswrite($port{$port}, $text) // die; substr($text, 0, $sent) = ""; } }
sub ready { say("events", qq({"event":"ready","protocol":5,"release":"fake"}\n)) }
sub await_gate { my $line = ""; sysread($port{events}, $line, 1, length $line) or die
    until $line =~ /\n/; $line =~ /"key":"(\w+)"/; $1 }
sub task { say("events", qq({"event":"task-start","task":"$_[0]"}\n)) }
sub finished { my $key = shift; my $tasks = join ",", map { qq("$_") } @_;
    say("events", qq({"event":"finished","key":"$key","tasks":[$tasks]}\n)) }
sub honest_end { my $key = shift; finished($key, @_); say("result", "SUCCESS\n"); exit 0 }
"#;

struct Fake {
    _directory: tempfile::TempDir,
    program: PathBuf,
}

fn fake(script: &str) -> Fake {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let program = directory.path().join("qemu");
    fs::write(&program, format!("{PRELUDE}{script}")).unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    Fake {
        _directory: directory,
        program,
    }
}

impl Fake {
    fn machine(&self) -> Machine {
        let mut machine = machine(&self.program, Path::new("/dev/null"));
        machine.limits.ready_tcg = Duration::from_secs(2);
        machine.limits.soft = Duration::from_secs(3);
        machine.limits.hard = Duration::from_secs(1);
        machine
    }
}

/// Boot, gate, end.
fn run(script: &str) -> (Result<Report, VmError>, Log, Vec<String>) {
    let fake = fake(script);
    let (log, cancel) = (Log::default(), Cancel::new().unwrap());
    let mut running = start(fake.machine(), Box::new(log.clone())).unwrap();
    let result = running
        .wait_ready(&cancel)
        .and_then(|()| running.open_gate(&gate()))
        .and_then(|()| running.finish(&cancel));
    (result, log, running.tail())
}

fn why(script: &str) -> String {
    run(script).0.unwrap_err().to_string()
}

#[test]
fn the_script_can_play_an_honest_helper() {
    let (result, log, _) =
        run(r#"ready(); my $key = await_gate(); task("A"); honest_end($key, "A");"#);
    assert_eq!(result.unwrap().tasks, ["A"]);
    assert_eq!(log.of("event ").len(), 3);
}

#[test]
fn a_silent_vm_is_given_up() {
    let begun = Instant::now();
    let error = run(r#"print STDERR "booting...\n"; sleep 100;"#)
        .0
        .unwrap_err();
    assert!(matches!(error, VmError::NotReady { .. }));
    assert_eq!(
        error.to_string(),
        "the helper VM did not come up within 2 s with tcg (HELPER_ACCEL=tcg); its last line: booting..."
    );
    assert!(begun.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_vm_that_ends_before_it_is_ready_tells_its_last_line() {
    assert_eq!(
        why(r#"say("console", "loading\nKernel panic - not syncing\n"); exit 0;"#),
        "the helper VM ended early (it switched itself off); \
         its last line: Kernel panic - not syncing"
    );
    assert_eq!(
        why(r#"print STDERR "qemu: no such machine\n"; exit 1;"#),
        "the helper VM ended early (exit status: 1); its last line: qemu: no such machine"
    );
}

#[test]
fn a_vm_that_dies_at_work_is_no_success() {
    let error =
        why(r#"ready(); await_gate(); say("console", "Oops"); kill 9, $$; sleep 1; exit 3;"#);
    assert!(error.starts_with("the helper VM ended early"), "{error}");
    assert!(error.ends_with("its last line: Oops"), "{error}");
}

#[test]
fn another_protocol_says_what_to_do() {
    let script = r#"say("events", qq({"event":"ready","protocol":9,"release":"7.0"}\n)); sleep 9;"#;
    assert_eq!(
        why(script),
        "the helper (release 7.0) speaks protocol 9, not 5: \
         rebuild it with `snf-image helper build`"
    );
}

#[test]
fn a_forged_success_is_none() {
    let forged = r#"ready(); await_gate(); task("A"); say("result", "SUCCESS\n");"#;
    for rest in [
        "exit 0;",
        r#"finished("0" x 32, "A"); exit 0;"#,
        r#"finished("0" x 32, "A"); finished("22" x 16, "A"); exit 0;"#,
        r#"finished("22" x 16); exit 0;"#,
        r#"finished("22" x 16, "A"); exit 1;"#,
        r#"finished("22" x 16, "A"); say("result", "SUCCESS\n"); exit 0;"#,
    ] {
        let error = run(&format!("{forged}{rest}")).0.unwrap_err();
        let is_refused = matches!(
            error,
            VmError::Inconsistent { .. } | VmError::HelperFailed { .. }
        );
        assert!(is_refused, "{rest}: {error}");
    }
}

#[test]
fn a_failure_is_told_in_the_helper_s_words() {
    let (result, log, _) = run(
        r#"ready(); await_gate(); say("events", qq({"event":"error","message":"no \\u001b root"}\n));
           say("result", "ERROR: no root\n"); exit 0;"#,
    );
    assert_eq!(
        result.unwrap_err().to_string(),
        "the helper failed: no root"
    );
    assert!(
        log.of("event ")
            .iter()
            .any(|event| event.contains(r"no \\x1b root")),
        "{log:?}"
    );
}

#[test]
fn a_vm_that_will_not_end_is_asked_then_killed() {
    let begun = Instant::now();
    let asked = r#"$SIG{TERM} = sub { say("console", "asked\n") }; ready(); await_gate();
                   sleep 1 while 1;"#;
    let (result, log, _) = run(asked);
    assert!(matches!(result, Err(VmError::TimedOut { seconds: 3, .. })));
    assert_eq!(log.of("console "), ["asked"]);
    assert!(begun.elapsed() < Duration::from_secs(6));
}

#[test]
fn a_flood_on_the_console_is_cut_and_stops_nothing() {
    let (result, log, tail) = run(r#"ready(); my $key = await_gate();
           my $line = "x" x 99 . "\n"; say("console", $line x 100000); honest_end($key);"#);
    result.unwrap();
    let lines = log.of("console ");
    let bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
    assert!(bytes < 4 * 1024 * 1024 + 5000, "{bytes}");
    assert!(bytes > 4_000_000, "{bytes}");
    assert!(lines.last().unwrap().contains("truncated"));
    assert!(tail.len() <= 40);
}

#[test]
fn an_endless_line_is_cut() {
    let (result, log, _) = run(r#"ready(); my $key = await_gate();
           say("console", "\x1b" x 10000000); say("console", "\nnext\n"); honest_end($key);"#);
    result.unwrap();
    let lines = log.of("console ");
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.len() <= 4096));
    assert_eq!(lines.last().unwrap(), "next");
}

#[test]
fn events_that_mean_nothing_are_dropped_with_a_warning() {
    let (result, log, _) = run(
        r#"say("events", "[    0.1] kernel says hello\n{\"event\":\"no-such\"}\n\xff\n"); ready();
           my $key = await_gate(); say("events", "{" x 1000000 . "\n"); honest_end($key);"#,
    );
    result.unwrap();
    assert_eq!(log.of("warning ").len(), 4);
}

#[test]
fn too_many_events_are_dropped_but_the_last_word_counts() {
    let (result, log, _) = run(r#"ready(); my $key = await_gate();
           say("events", qq({"event":"warning","message":"m"}\n) x 50000); honest_end($key);"#);
    result.unwrap();
    assert_eq!(log.of("event ").len(), 1000);
    assert_eq!(log.of("warning ").len(), 1);
}

#[test]
fn a_flooded_result_port_fills_no_memory() {
    let error = why(r#"ready(); await_gate(); say("result", "x" x 10000000); exit 0;"#);
    assert!(
        error.starts_with("the helper failed: the helper's result is not valid"),
        "{error}"
    );
    assert!(error.len() < 4096);
}

/// KVM's device is closed to HELPER_USER on some machines and missing on others, so this
/// runs itself again where /dev is another.
#[test]
fn kvm_that_fails_is_given_up_once_and_for_this_boot() {
    let script = r#"mount -t tmpfs dev /dev && cd /dev && mknod -m 666 null c 1 3 &&
        mknod -m 666 kvm c 1 3 && exec "$0" --ignored --exact faults::kvm_fails_here"#;
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

#[test]
#[ignore = "run by kvm_that_fails_is_given_up_once_and_for_this_boot"]
fn kvm_fails_here() {
    let fake = fake(
        r#"my %is = map { $_ => 1 } @ARGV;
           if ($is{"-bios"}) { say("mark", "A"); select undef, undef, undef, 0.05; say("mark", "B");
               sleep 9 }
           sleep 9 if $is{kvm};
           ready(); my $key = await_gate(); honest_end($key);"#,
    );
    let directory = tempfile::tempdir().unwrap();
    let memory = directory.path().join("accel.json");
    let choose = || accelerator(AcceleratorChoice::Auto, &fake.program, &memory);
    let mut machine = fake.machine();
    machine.limits.ready_kvm = Duration::from_millis(500);
    machine.accelerator = choose();
    assert_eq!(
        machine.accelerator.kind,
        Kind::Kvm,
        "{}",
        machine.accelerator
    );
    let begun = Instant::now();
    let cancel = Cancel::new().unwrap();
    let mut running = start(machine, Box::new(Log::default())).unwrap();
    running.wait_ready(&cancel).unwrap();
    running.open_gate(&gate()).unwrap();
    assert_eq!(running.finish(&cancel).unwrap().accelerator, Kind::Tcg);
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert_eq!(choose().kind, Kind::Tcg);
    assert!(choose().reason.contains("did not come up"), "{}", choose());
}

#[test]
fn a_guest_that_crawls_in_kvm_is_found_out() {
    let script = r#"[ -c /dev/kvm ] || exit 0; set -- $(stat -c "0x%t 0x%T" /dev/kvm) &&
        mount -t tmpfs dev /dev && cd /dev && mknod -m 666 null c 1 3 &&
        mknod -m 666 kvm c $(($1)) $(($2)) && exec "$0" --ignored --exact faults::kvm_is_tried_here"#;
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Whatever KVM is worth on this machine, a decision comes soon and is kept.
#[test]
#[ignore = "run by a_guest_that_crawls_in_kvm_is_found_out"]
fn kvm_is_tried_here() {
    let qemu = find_emulator(Path::new("qemu-system-x86_64")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let memory = directory.path().join("accel.json");
    let begun = Instant::now();
    let tried = accelerator(AcceleratorChoice::Auto, &qemu, &memory);
    assert!(begun.elapsed() < Duration::from_secs(7));
    assert!(!tried.reason.contains("could not be tried"), "{tried}");
    let kept = accelerator(AcceleratorChoice::Auto, &qemu, &memory);
    assert_eq!(kept.to_string(), tried.to_string());
}

#[test]
fn a_dropped_handle_leaves_no_process() {
    let fake = fake(r#"ready(); $SIG{TERM} = "IGNORE"; sleep 1 while 1;"#);
    let mut running = start(fake.machine(), Box::new(Log::default())).unwrap();
    running.wait_ready(&Cancel::new().unwrap()).unwrap();
    let program = fake.program.to_str().unwrap().to_owned();
    assert_eq!(processes_of(&program), 1);
    drop(running);
    assert_eq!(processes_of(&program), 0);
}

/// How many processes run this script.
fn processes_of(program: &str) -> usize {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok())
        .filter(|arguments| {
            arguments
                .split(|byte| *byte == 0)
                .any(|one| one == program.as_bytes())
        })
        .count()
}
