//! Directories of shell scripts run as tasks.
// SPDX-License-Identifier: BSD-2-Clause

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::rc::Rc;

use super::testing::{Warnings, context, parameters};
use super::*;

#[derive(Clone, Default)]
struct Wire(Rc<RefCell<Vec<u8>>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs shell scripts as tasks and gives the result and the events.
fn run(properties: &str, scripts: &[(&str, &str)]) -> (Result<Vec<String>>, Vec<Event>) {
    let directory = tempfile::tempdir().unwrap();
    for (name, script) in scripts {
        let path = directory.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let parameters = parameters(properties);
    let mut warnings = Warnings::default();
    let mut context = context(&parameters, &mut warnings);
    let wire = Wire::default();
    let result = all(directory.path(), &mut context, &Events::new(wire.clone()));
    let lines = wire.0.take();
    let events = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    (result, events)
}

fn start(task: &str) -> Event {
    Event::TaskStart { task: task.into() }
}

fn end(task: &str) -> Event {
    Event::TaskEnd { task: task.into() }
}

#[test]
fn every_task_that_ends_is_told_in_order() {
    let (result, events) = run("", &[("20b", "exit 0"), ("10a", "exit 0")]);
    assert_eq!(result.unwrap(), ["a", "b"]);
    assert_eq!(events, [start("a"), end("a"), start("b"), end("b")]);
}

#[test]
fn the_first_failure_stops_and_names_the_task() {
    let (result, events) = run(
        "",
        &[("10a", "echo no disk >&2; exit 7"), ("20b", "exit 0")],
    );
    let text = result.unwrap_err().to_string();
    assert!(
        text.contains("10a") && text.contains("exit status: 7: no disk"),
        "{text}"
    );
    assert_eq!(events, [start("a")]);
}

#[test]
fn an_excluded_task_is_told_and_not_run() {
    let (result, events) = run(
        r#""EXCLUDE_TASK_A":"yes","EXCLUDE_TASK_CHANGEPASSWORD":"yes""#,
        &[("10a", "exit 1"), ("50ChangePassword", "exit 1")],
    );
    assert_eq!(result.unwrap(), ["a", "ChangePassword"]);
    let reason = |property: &str| format!("excluded by {property}");
    assert_eq!(
        events,
        [
            start("a"),
            Event::Skipped {
                task: "a".into(),
                reason: reason("EXCLUDE_TASK_A")
            },
            end("a"),
            start("ChangePassword"),
            Event::Skipped {
                task: "ChangePassword".into(),
                reason: reason("EXCLUDE_TASK_CHANGEPASSWORD")
            },
            end("ChangePassword"),
        ]
    );
}

#[test]
fn where_only_some_tasks_are_asked_for_all_others_are_as_if_not_there() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["10a", "50AssignHostname", "50ChangePassword"] {
        let path = directory.path().join(name);
        fs::write(&path, "#!/bin/sh\nexit 0\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut parameters = parameters("");
    parameters.only = Some(vec![Task::AssignHostname]);
    let mut warnings = Warnings::default();
    let mut context = context(&parameters, &mut warnings);
    let ran = all(directory.path(), &mut context, &Events::new(io::sink())).unwrap();
    assert_eq!(ran, ["AssignHostname"]);
}

#[test]
fn an_external_task_gets_its_environment_and_no_secret() {
    let script = r#"test "$SNF_IMAGE_HOSTNAME" = vm.example.org &&
        test "$SNF_IMAGE_PROPERTY_USERS" = root &&
        test "$(readlink /proc/self/fd/0)" = /dev/null &&
        ! env | grep hunter2"#;
    run(r#""USERS":"root""#, &[("10a", script)]).0.unwrap();
}

#[test]
fn a_directory_of_tasks_that_is_not_there_is_an_error() {
    let parameters = parameters("");
    let mut warnings = Warnings::default();
    let mut context = context(&parameters, &mut warnings);
    let events = Events::new(io::sink());
    assert!(all(Path::new("/nonexistent/tasks"), &mut context, &events).is_err());
}
