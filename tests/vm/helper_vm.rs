//! A node that is not ready, and a helper that hangs, fails, lies or goes mad.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use harness::{Deployment, Original, Outcome, Scene};
use snf_image_testkit::tree;

const TRIAL: &str = include_str!("trial_task.c");
/// The least that a run takes before the time limits begin to count, and some more.
const BOOT: Duration = Duration::from_secs(20);

/// `snf-image deploy` of a file that nobody looks into onto `target`, which is full of something.
fn blind_deployment(scene: &Scene) -> Command {
    let image = scene.write("blind", "x".repeat(1 << 20)).unwrap();
    scene.write("target", "old ".repeat(1 << 19)).unwrap();
    scene.deployment(&image, "target", ["--property", "OSFAMILY=linux"])
}

#[test]
fn a_node_that_is_not_ready_is_told_so_before_anything_is_touched() {
    let Some(scene) = Scene::set() else { return };
    let mut deployment = blind_deployment(&scene);
    let target = Original::of(&scene.path("target")).unwrap();
    let helper = scene.own_helper().unwrap();
    for (settings, words) in [
        (
            "QEMU=/nonexistent/qemu\n",
            &["/nonexistent/qemu", "qemu-system-x86"][..],
        ),
        ("QEMU=no-such-qemu\n", &["no-such-qemu", "qemu-system-x86"]),
        ("HELPER_USER=nobody-at-all\n", &["nobody-at-all"]),
        (
            "HELPER_DIR=/nonexistent\n",
            &["no helper in /nonexistent", "snf-image helper build"],
        ),
    ] {
        scene.configure(settings).unwrap();
        scene.fails(&mut deployment, 1, words);
        target.is_untouched();
    }
    scene.configure(&helper.setting()).unwrap();
    for (manifest, words) in [
        ("garbage", &["manifest.json", "is damaged"][..]),
        ("[1]", &["manifest.json", "is damaged"]),
        (
            r#"{"release": "0.9", "protocol": 0}"#,
            &["release 0.9", "snf-image helper build"],
        ),
    ] {
        fs::write(helper.directory.join("manifest.json"), manifest).unwrap();
        scene.fails(&mut deployment, 1, words);
        target.is_untouched();
    }
}

#[test]
fn kvm_that_cannot_be_had_is_not_replaced_when_it_was_demanded() {
    let Some(scene) = Scene::set() else { return };
    let tried = Outcome::from(
        scene
            .snf_image()
            .args(["helper", "check"])
            .output()
            .unwrap(),
    );
    if tried.succeeded().stdout.contains("with kvm") {
        eprintln!("skipped: KVM works here");
        return;
    }
    scene.configure("HELPER_ACCEL=kvm\n").unwrap();
    let image = scene.small_image(tree::debian).unwrap();
    let outcome = scene.fails(
        &mut scene.deployment(&image, "disk", ["--json"]),
        1,
        &["HELPER_ACCEL=kvm, but KVM cannot be used: "],
    );
    assert!(!outcome.stdout.contains("copy"), "{}", outcome.stdout);
}

/// A scene whose helper runs the trial task before it touches anything.
fn trials() -> Option<(Scene, PathBuf)> {
    let scene = Scene::set()?;
    let helper = scene.own_helper().unwrap();
    helper.add_task("05Trial", TRIAL).unwrap();
    let settings = "HELPER_SOFT_TIMEOUT=2\nHELPER_HARD_TIMEOUT=1\n";
    scene
        .configure(&format!("{}{settings}", helper.setting()))
        .unwrap();
    let image = scene.small_image(tree::debian).unwrap();
    Some((scene, image))
}

fn deployment(scene: &Scene, image: &Path, trial: &str) -> Command {
    let trial = format!("TRIAL={trial}");
    scene.deployment(
        image,
        "disk",
        [
            "--property",
            &trial,
            "--property",
            "OSFAMILY=linux",
            "--property",
            "ROOT_PARTITION=1",
        ],
    )
}

/// The trial fails with these words, in time.
fn fails(scene: &Scene, image: &Path, trial: &str, words: &[&str]) -> Outcome {
    let begin = Instant::now();
    let outcome = scene.fails(deployment(scene, image, trial).arg("--json"), 1, words);
    assert!(begin.elapsed() < BOOT, "{trial}: {:?}", begin.elapsed());
    outcome
}

#[test]
fn a_task_that_does_not_end_is_ended() {
    let Some((scene, image)) = trials() else {
        return;
    };
    for trial in ["hang", "fork", "daemon"] {
        let words = ["did not finish within 2 s", "HELPER_SOFT_TIMEOUT"];
        fails(&scene, &image, trial, &words);
    }
}

#[test]
fn a_task_that_floods_the_console_fills_no_log() {
    let Some((scene, image)) = trials() else {
        return;
    };
    let begin = Instant::now();
    let mut flood = deployment(&scene, &image, "flood");
    let outcome = Deployment::start(flood.arg("-vv")).unwrap().end().unwrap();
    outcome.ended_with(1).steers_no_terminal();
    assert!(begin.elapsed() < BOOT, "{:?}", begin.elapsed());
    assert!(outcome.stderr.contains("did not finish within 2 s"));
    assert!(outcome.stderr.contains("xxxxxxxx"));
    assert!(outcome.stderr.len() < 8 << 20, "{}", outcome.stderr.len());
}

#[test]
fn a_task_that_fails_is_named_with_what_it_said() {
    let Some((scene, image)) = trials() else {
        return;
    };
    let outcome = fails(
        &scene,
        &image,
        "fail",
        &["05Trial", "exit status: 3", "I give", "up"],
    );
    let error = r#""subtype":"error","stderr":"first\n"#;
    assert!(outcome.stdout.contains(error), "{}", outcome.stdout);
    fails(&scene, &image, "crash", &["05Trial", "signal: 6"]);
}

#[test]
fn a_task_cannot_forge_a_success() {
    let Some((scene, image)) = trials() else {
        return;
    };
    fails(&scene, &image, "forge", &["the helper"]);
    fails(
        &scene,
        &image,
        "forge-and-off",
        &["the helper's success cannot be believed"],
    );
    fails(&scene, &image, "off", &["the helper VM ended early"]);
}

#[test]
fn a_task_that_brings_the_machine_down_fails_the_deployment() {
    let Some((scene, image)) = trials() else {
        return;
    };
    fails(&scene, &image, "panic", &["the helper VM ended early"]);
    fails(&scene, &image, "memory", &["the helper"]);
}

#[test]
fn a_task_that_does_no_harm_is_no_failure_and_learns_no_secret() {
    let Some((scene, image)) = trials() else {
        return;
    };
    scene.write("password", "hunter2 and more\n").unwrap();
    scene.write("hash", "$6$saltsalt$hunter2\n").unwrap();
    for (trial, secret) in [
        ("kill", "--password-file=password"),
        ("environment", "--password-hash-file=hash"),
    ] {
        let mut command = deployment(&scene, &image, trial);
        let outcome = Deployment::start(command.args(["-vv", secret]))
            .unwrap()
            .end()
            .unwrap();
        outcome.succeeded();
        assert!(!format!("{outcome:?}").contains("hunter2"));
        if trial == "environment" {
            assert!(
                outcome
                    .stderr
                    .contains("variable SNF_IMAGE_PROPERTY_TRIAL=environment")
            );
        }
    }
}
