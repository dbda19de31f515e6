//! What a monitor hears of a deployment, and what leaving tasks out means.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;
use std::process::Command;

use harness::{Deployment, Outcome, Scene};
use serde_json::Value;
use snf_image_testkit::tree;

const TASKS: [&str; 21] = [
    "FixPartitionTable",
    "FilesystemResizeUnmounted",
    "MountImage",
    "InstallUnattend",
    "FilesystemResizeMounted",
    "InitializeDatasource",
    "CreateUser",
    "AddSwap",
    "AssignHostname",
    "ChangeMachineId",
    "ChangePassword",
    "ConfigureNetwork",
    "DeleteSSHKeys",
    "DisableRemoteDesktopConnections",
    "InstallDrivers",
    "RemoveIdentity",
    "EnforcePersonality",
    "FirstBoot",
    "RunCustomTask",
    "SELinuxAutorelabel",
    "UmountImage",
];

/// Every line is an object with type and time, and the times do not fall.
fn messages(outcome: &Outcome) -> Vec<Value> {
    let mut last = 1.7e9;
    let messages = outcome.stdout.lines().map(|line| {
        let message: Value = serde_json::from_str(line).unwrap();
        let time = message["timestamp"].as_f64().unwrap();
        assert!(time >= last, "{line}");
        last = time;
        assert!(message["type"].is_string(), "{line}");
        message
    });
    messages.collect()
}

/// What each message is, in short: its text, its task, or its percentage.
fn story(messages: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let short = |message: &Value| match message["type"].as_str().unwrap() {
        "image-info" | "image-error" => text(&message["messages"][0]),
        "image-copy-progress" => format!("{} %", message["progress"]),
        "image-helper" => match message["subtype"].as_str().unwrap() {
            "warning" => text(&message["messages"][0]),
            "error" => format!("error {}", message["messages"][0]),
            subtype => format!("{subtype} {}", text(&message["task"])),
        },
        other => panic!("a message of type {other}"),
    };
    messages.iter().map(short).collect()
}

fn deploy(scene: &Scene, image: &Path, arguments: &[&str]) -> (Outcome, Vec<String>) {
    let mut all = vec!["--json"];
    all.extend(arguments);
    let outcome = scene.deploy(image, "disk", all).unwrap();
    let story = story(&messages(&outcome));
    (outcome, story)
}

fn place(story: &[String], text: &str) -> usize {
    let found = story.iter().position(|line| line.contains(text));
    found.unwrap_or_else(|| panic!("no {text:?} in {story:#?}"))
}

#[test]
fn a_deployment_is_told_in_order() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let (outcome, story) = deploy(&scene, &image, &["--size", "100M", "--hostname", "vm"]);
    outcome.succeeded();
    let mut order = vec![
        "starting the helper VM".to_owned(),
        "copying the image".into(),
        "100.0 %".into(),
        "the image is copied and flushed".into(),
        "the helper customises the disk".into(),
    ];
    for task in TASKS {
        order.push(format!("task-start {task}"));
        order.push(format!("task-end {task}"));
    }
    order.push("the helper VM has ended well".into());
    order.push("the image was deployed".into());
    let places: Vec<_> = order.iter().map(|text| place(&story, text)).collect();
    assert!(places.is_sorted(), "{story:#?}");
    assert_eq!(*places.last().unwrap(), story.len() - 1, "{story:#?}");
    // The percentages of the copy never fall, and nothing comes behind the last.
    let percents = story
        .iter()
        .filter_map(|line| line.strip_suffix(" %")?.parse::<f64>().ok());
    let percents: Vec<_> = percents.collect();
    assert!(
        percents.is_sorted() && percents.last() == Some(&100.0),
        "{percents:?}"
    );
    // A task without work begins, says why, and ends.
    for task in ["ChangePassword", "ConfigureNetwork", "EnforcePersonality"] {
        let at = place(&story, &format!("task-start {task}"));
        assert!(
            story[at + 1].starts_with(&format!("{task} was skipped: ")),
            "{story:#?}"
        );
        assert_eq!(story[at + 2], format!("task-end {task}"));
    }
}

#[test]
fn a_failure_is_the_last_word() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let password = scene.write("password", "correct horse\n").unwrap();
    let arguments = [
        "--password-file",
        password.to_str().unwrap(),
        "--property",
        "USERS=nemo",
    ];
    let (outcome, story) = deploy(&scene, &image, &arguments);
    outcome.ended_with(1).gave_one_reason(&["nemo", "USERS"]);
    let reason = outcome.stderr.lines().last().unwrap();
    assert_eq!(format!("snf-image: {}", story.last().unwrap()), reason);
    assert!(story[place(&story, "task-start ChangePassword") + 1].contains("nemo"));
    assert!(
        !story
            .iter()
            .any(|line| line.contains("task-end ChangePassword")),
        "{story:#?}"
    );

    // Only who asks for it gets the end of the helper's log behind that line.
    let outcome = scene
        .deploy(&image, "disk", [&arguments[..], &["-v"]].concat())
        .unwrap();
    let said = outcome
        .ended_with(1)
        .stderr
        .split("snf-image: the helper failed")
        .nth(1);
    let log = said.unwrap().lines().skip(1).collect::<Vec<_>>();
    assert!(
        log.iter().any(|line| line.contains("MountImage")),
        "{}",
        outcome.stderr
    );
    outcome.steers_no_terminal();

    let (outcome, story) = deploy(&scene, Path::new("none"), &[]);
    outcome.ended_with(2);
    assert_eq!(story, ["image none does not exist"]);
}

#[test]
fn what_is_excluded_is_left_alone_and_said() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let before = scene.root_of("image").unwrap();
    let kept = [
        "/etc/hostname",
        "/etc/machine-id",
        "/etc/ssh/ssh_host_ed25519_key",
    ];

    let mut arguments = vec!["--size=100M", "--hostname=vm"];
    let excluded = TASKS
        .into_iter()
        .filter(|task| !["MountImage", "UmountImage"].contains(task));
    let properties: Vec<_> = excluded
        .clone()
        .map(|task| format!("--property=EXCLUDE_TASK_{}=yes", task.to_uppercase()))
        .collect();
    arguments.extend(properties.iter().map(String::as_str));
    let (outcome, story) = deploy(&scene, &image, &arguments);
    outcome.succeeded();
    for task in excluded {
        let at = place(&story, &format!("task-start {task}"));
        assert!(
            story[at + 1].contains("excluded by EXCLUDE_TASK_"),
            "{story:#?}"
        );
    }
    let root = scene.root_of("disk").unwrap();
    for path in kept {
        assert_eq!(
            root.read(path).unwrap(),
            before.read(path).unwrap(),
            "{path}"
        );
    }
    assert_eq!(root.size().unwrap(), before.size().unwrap());
    std::fs::remove_file(scene.path("disk")).unwrap();

    let property = [
        "--size=100M",
        "--hostname=vm",
        "--property=EXCLUDE_MOUNTED_TASKS=yes",
    ];
    let (outcome, story) = deploy(&scene, &image, &property);
    outcome.succeeded();
    for task in &TASKS[2..] {
        assert!(
            story[place(&story, &format!("task-start {task}")) + 1]
                .contains("EXCLUDE_MOUNTED_TASKS")
        );
    }
    let root = scene.root_of("disk").unwrap();
    assert!(root.size().unwrap() > before.size().unwrap());
    assert_eq!(root.read(kept[0]).unwrap(), before.read(kept[0]).unwrap());
    std::fs::remove_file(scene.path("disk")).unwrap();

    let property = [
        "--size=100M",
        "--property=EXCLUDE_FILESYSTEMRESIZE_TASKS=yes",
    ];
    let (outcome, story) = deploy(&scene, &image, &property);
    outcome.succeeded();
    let resize = place(&story, "task-start FilesystemResizeUnmounted");
    assert!(
        story[resize + 1].contains("EXCLUDE_FILESYSTEMRESIZE_TASKS"),
        "{story:#?}"
    );
    place(&story, "task-end ChangeMachineId");
    let root = scene.root_of("disk").unwrap();
    assert_eq!(root.size().unwrap(), before.size().unwrap());
    std::fs::remove_file(scene.path("disk")).unwrap();

    let (outcome, story) = deploy(&scene, &image, &["--property=EXCLUDE_ALL_TASKS=yes"]);
    outcome.succeeded();
    assert!(
        !story.iter().any(|line| line.starts_with("task-")),
        "{story:#?}"
    );
    let copy = std::fs::read(scene.path("disk")).unwrap();
    assert!(
        copy == std::fs::read(&image).unwrap(),
        "not the image as it was"
    );
}

#[test]
fn a_deployment_to_which_nobody_listens_goes_on() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    // A monitor that goes away at once, a full disk, and a caller without any descriptor.
    for redirection in ["| true", ">/dev/full", "<&- >&- 2>&-"] {
        let status = scene.path("status");
        let script = format!(
            "ulimit -S -n 64; ulimit -H -n 256; {{ \"$@\"; echo $? >{}; }} {redirection}",
            status.display()
        );
        let deployment = scene.deployment(&image, "disk", ["--json", "--hostname=vm"]);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script, "sh"])
            .arg(deployment.get_program())
            .args(deployment.get_args());
        shell.env("TMPDIR", scene.path("tmp")).current_dir("/");
        Deployment::start(&mut shell).unwrap().end().unwrap();
        assert_eq!(
            std::fs::read_to_string(status).unwrap(),
            "0\n",
            "{redirection}"
        );
        let root = scene.root_of("disk").unwrap();
        assert_eq!(root.problems().unwrap(), "");
        assert_eq!(root.text("/etc/hostname").unwrap(), "vm\n");
        std::fs::remove_file(scene.path("disk")).unwrap();
    }
}
