//! The script `create`: from Ganeti's environment to an instance's own disk.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use harness::{INSTANCE, Outcome, Scene};
use snf_image_testkit::http::{Server, whole};
use snf_image_testkit::tree;

const SECRET: &str = "correct horse battery";

#[test]
fn an_image_becomes_the_instances_own_and_the_log_is_a_story() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    scene.blank("disk", 160).unwrap();
    fs::write(scene.path("data"), vec![7; 1 << 20]).unwrap();
    fs::write(scene.path("shared"), vec![8; 1 << 20]).unwrap();
    let script = scene.script("").unwrap();
    let outcome = script
        .with_disks(&["disk", "data", "shared"])
        .with("DISK_2_ACCESS", "ro")
        .with_image()
        .with("OSP_IMG_PASSWD", SECRET)
        .with(
            "OSP_IMG_PROPERTIES",
            r#"{"users": "nobody", "DO_SYNC": false}"#,
        )
        .with("OSP_INST_PROPERTIES", r#"{"USERS": ["root", "user"]}"#)
        .with(
            "OSP_IMG_PERSONALITY",
            r#"[{"path": "/opt/file", "contents": "eA==", "mode": "0600"}]"#,
        )
        .run("create")
        .unwrap();
    outcome.succeeded();

    let root = scene.root_of("disk").unwrap();
    assert_eq!(root.problems().unwrap(), "");
    assert_eq!(root.text("/etc/hostname").unwrap(), format!("{INSTANCE}\n"));
    assert!(root.size().unwrap() > 150 << 20);
    let shadow = root.text("/etc/shadow").unwrap();
    assert_eq!(shadow.matches("$6$").count(), 2, "{shadow}");
    assert_eq!(root.text("/opt/file").unwrap(), "x");
    assert_eq!(fs::read(scene.path("data")).unwrap(), vec![7; 1 << 20]);
    assert_eq!(fs::read(scene.path("shared")).unwrap(), vec![8; 1 << 20]);

    let log = &outcome.stderr;
    assert_eq!(outcome.stdout, "");
    for part in [
        "[INFO] HELPER: ",
        "[INFO] copying the image",
        " bytes are copied (",
        "AssignHostname begins",
        "2 further disks",
    ] {
        assert!(log.contains(part), "no {part} in\n{log}");
    }
    let mut told = BTreeSet::new();
    for line in log.lines() {
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.ends_with('Z') && rest.starts_with('['), "{line}");
        let (_, text) = rest.split_once("] ").unwrap();
        assert!(
            text.starts_with("HELPER: ") || told.insert(text),
            "told twice: {line}"
        );
    }
    assert!(!log.contains(SECRET) && !log.contains("$6$"), "{log}");
}

#[test]
fn an_instance_is_installed_again_as_if_for_the_first_time() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    scene.blank("disk", 96).unwrap();
    let script = scene.script("IMG_FORMAT=diskdump\n").unwrap();
    let script = script
        .with_disks(&["disk"])
        .with("OSP_IMG_ID", "local://image");
    script.run("create").unwrap().succeeded();
    let id = || {
        scene
            .root_of("disk")
            .unwrap()
            .text("/etc/machine-id")
            .unwrap()
    };
    let first = id();
    let again = script
        .with("INSTANCE_REINSTALL", "1")
        .run("create")
        .unwrap();
    again.succeeded();
    assert_ne!(id(), first);
    assert!(again.stderr.contains("again"), "{}", again.stderr);
}

#[test]
fn a_monitor_is_told_everything_and_one_that_hangs_delays_nothing() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    scene.blank("disk", 64).unwrap();
    let monitor = scene.path("monitor");
    let lines = scene.path("lines");
    let write = |text: &str| {
        scene
            .write("monitor", format!("#!/bin/sh\n{text}\n"))
            .unwrap();
        snf_image_testkit::tool::Tool::new("chmod")
            .arg("755")
            .arg(&monitor)
            .run()
            .unwrap();
    };
    let script = scene
        .script(&format!("PROGRESS_MONITOR=\"{}\"\n", monitor.display()))
        .unwrap();
    let script = script
        .with_disks(&["disk"])
        .with_image()
        .with("OSP_IMG_PASSWD", SECRET);

    let open = scene.path("open");
    write(&format!(
        "readlink /proc/$$/fd/* > {1}; echo \"$1\" > {0}; env >> {0}; cat >> {0}",
        lines.display(),
        open.display()
    ));
    // Ganeti's node daemon leaves descriptors of its own open, too.
    let mut command = script.command_after("exec 3</etc/hostname 11>/dev/full", "create");
    Outcome::from(command.output().unwrap()).succeeded();
    let open = fs::read_to_string(open).unwrap();
    let own = |line: &&str| line.ends_with("/monitor");
    assert_eq!(open.lines().filter(own).count(), 1, "{open}");
    assert_eq!(open.lines().count(), 1 + 3, "{open}");
    let told = fs::read_to_string(&lines).unwrap();
    assert!(
        told.starts_with(&format!("{INSTANCE}\n")) && !told.contains("OSP_"),
        "{told}"
    );
    let messages: Vec<serde_json::Value> = told
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kind = |message: &serde_json::Value| {
        format!(
            "{} {}",
            message["type"].as_str().unwrap(),
            message["subtype"].as_str().unwrap_or_default()
        )
    };
    let kinds: BTreeSet<String> = messages.iter().map(kind).collect();
    for expected in [
        "image-info ",
        "image-copy-progress ",
        "image-helper task-start",
        "image-helper task-end",
    ] {
        assert!(kinds.contains(expected), "no {expected} in {kinds:?}");
    }
    assert_eq!(
        messages.last().unwrap()["messages"][0],
        "the image was deployed"
    );

    write("exec sleep 5");
    script.run("create").unwrap().succeeded();
    let failing = script.clone().with("OSP_IMG_ID", "missing");
    write(&format!("cat > {}", lines.display()));
    failing
        .run("create")
        .unwrap()
        .failed_with(&["image missing does not exist"]);
    let told = fs::read_to_string(&lines).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(
        told.contains("image-error") && told.contains("image missing"),
        "{told}"
    );
}

#[test]
fn parameters_from_a_url_win_over_those_given() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    scene.blank("disk", 64).unwrap();
    let body = format!(r#"{{"img_id": "image", "img_passwd": "{SECRET}"}}"#);
    let server = Server::start(move |_| vec![whole(body.as_bytes())]);
    let script = scene
        .script("FETCH_ALLOW=\"127.0.0.0/8\"\n")
        .unwrap()
        .with_disks(&["disk"])
        .with_image();
    let outcome = script
        .with("OSP_IMG_ID", "missing")
        .with("DEBUG_LEVEL", "1")
        .with("OSP_CONFIG_URL", &server.url("/path"))
        .run("create")
        .unwrap();
    outcome.succeeded();
    let shadow = scene.root_of("disk").unwrap().text("/etc/shadow").unwrap();
    assert!(shadow.contains("root:$6$"), "{shadow}");
    for secret in [SECRET, "me:hunter2", "token"] {
        assert!(!outcome.stderr.contains(secret), "{}", outcome.stderr);
    }
    let origin = format!("http://{}", server.address());
    assert!(outcome.stderr.contains(&origin));
}

/// The processes below one, by what /proc says.
fn below(root: u32) -> Vec<u32> {
    let children = |pid: u32| -> Vec<u32> {
        let tasks = fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten()
            .flatten();
        let text = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        text.flat_map(|text| {
            text.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
    };
    let mut found = children(root);
    let mut at = 0;
    while let Some(pid) = found.get(at).copied() {
        found.extend(children(pid));
        at += 1;
    }
    found
}

#[test]
fn no_process_that_create_starts_sees_a_secret() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    scene.blank("disk", 64).unwrap();
    let script = scene.script("").unwrap().with_disks(&["disk"]).with_image();
    let mut child = script
        .with("OSP_IMG_PASSWD", SECRET)
        .command("create")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = BTreeSet::new();
    let status = loop {
        for pid in below(child.id()) {
            let read = |what: &str| fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
            // Between fork and exec a process is a copy of its parent. In the midst of exec it has no
            // command line, or a part of one.
            let is_copy = || {
                let cmdline = read("cmdline");
                cmdline.is_empty() || cmdline.windows(6).any(|bytes| bytes == b"create")
            };
            for what in ["environ", "cmdline"] {
                // Asked first: a copy may become another program at any moment, but never the other
                // way round. Asked again: by then the command line is whole.
                if is_copy() {
                    continue;
                }
                let text = String::from_utf8_lossy(&read(what)).into_owned();
                assert!(!text.contains(SECRET) || is_copy(), "{what} of {text}");
            }
            let name = String::from_utf8_lossy(&read("comm")).trim().to_owned();
            seen.insert(name);
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success());
    assert!(
        seen.iter().any(|name| name.starts_with("qemu-system")),
        "{seen:?}"
    );
}
