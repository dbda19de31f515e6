//! Whenever a deployment is interrupted, nothing of it stays.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::{Deployment, Outcome, Scene};
use rustix::process::{Pid, Signal, kill_process};
use snf_image_testkit::disk::MIB;
use snf_image_testkit::http::{Act, Server, answer};
use snf_image_testkit::process::{descendants, wait_for_descendant};
use snf_image_testkit::tree;

const SOON: Duration = Duration::from_secs(30);
/// How long a VM may outlive the program that watches over it.
const ORPHANED: Duration = Duration::from_secs(2);
const SIGNALS: [(Signal, &str); 4] = [
    (Signal::INT, "SIGINT"),
    (Signal::TERM, "SIGTERM"),
    (Signal::HUP, "SIGHUP"),
    (Signal::QUIT, "SIGQUIT"),
];

fn start(scene: &Scene, image: &Path) -> Deployment {
    let arguments = ["--json", "--size", "1G", "--hostname", "vm"];
    Deployment::start(&mut scene.deployment(image, "disk", arguments)).unwrap()
}

fn was_interrupted(outcome: &Outcome, signal: &str) {
    outcome
        .ended_with(1)
        .gave_one_reason(&["interrupted", signal]);
    let last = outcome.stdout.lines().last().unwrap();
    assert!(
        last.contains("image-error") && last.contains(signal),
        "{last}"
    );
}

/// Gives the helper a task that waits for ever, behind those that matter, so that no run is
/// over before the signal comes.
fn wait_in_the_end(scene: &Scene) {
    let helper = scene.own_helper().unwrap();
    let waits = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n";
    helper.add_task("75Wait", waits).unwrap();
    scene.configure(&helper.setting()).unwrap();
}

#[test]
fn a_signal_at_any_step_ends_all_and_leaves_nothing() {
    let Some(scene) = Scene::set() else { return };
    wait_in_the_end(&scene);
    let image = scene.small_image(tree::debian).unwrap();
    let steps = [
        "starting the helper VM",
        "copying the image",
        "\"progress\":100",
        "copied and flushed",
        "the helper customises",
        "\"task-start\",\"task\":\"FixPartitionTable",
        "\"task-start\",\"task\":\"FilesystemResize",
        "\"task-start\",\"task\":\"MountImage",
        "\"task-start\",\"task\":\"DeleteSSHKeys",
        "\"task-start\",\"task\":\"Wait",
    ];
    for (step, (signal, name)) in steps.into_iter().zip(SIGNALS.into_iter().cycle()) {
        let watch = scene.watch().unwrap();
        let mut deployment = start(&scene, &image);
        deployment.wait_for_line(step).unwrap();
        deployment.send(signal).unwrap();
        let outcome = deployment.end().unwrap();
        was_interrupted(&outcome, name);
        assert_eq!(watch.leftovers().unwrap(), Vec::<String>::new(), "{step}");
    }
}

#[test]
fn a_signal_at_any_time_ends_in_success_or_in_nothing() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let begin = Instant::now();
    start(&scene, &image).end().unwrap().succeeded();
    let whole = begin.elapsed();
    fs::remove_file(scene.path("disk")).unwrap();
    // From the first instruction to somewhere behind the end.
    for (part, (signal, _)) in [0, 2, 5, 90, 98, 100, 103]
        .into_iter()
        .zip(SIGNALS.into_iter().cycle())
    {
        let watch = scene.watch().unwrap();
        let deployment = start(&scene, &image);
        deployment.runs_after(whole * part / 100).unwrap();
        deployment.send(signal).unwrap();
        let outcome = deployment.end().unwrap();
        if outcome.code == Some(0) {
            assert_eq!(scene.root_of("disk").unwrap().problems().unwrap(), "");
            fs::remove_file(scene.path("disk")).unwrap();
        } else {
            // Without a code the signal came before the program's first own step.
            assert!(matches!(outcome.code, Some(1) | None), "{outcome:?}");
        }
        assert_eq!(watch.leftovers().unwrap(), Vec::<String>::new(), "{part} %");
    }
}

/// An image that takes a while to copy, since nothing in it is a hole.
fn large_image(scene: &Scene) -> PathBuf {
    let image = scene.path("large");
    let mut bytes = io::repeat(0x5a).take(768 * MIB);
    io::copy(&mut bytes, &mut File::create(&image).unwrap()).unwrap();
    image
}

#[test]
fn an_image_that_changes_while_it_is_copied_is_an_error() {
    let Some(scene) = Scene::set() else { return };
    let image = large_image(&scene);
    for (length, word) in [(769 * MIB, "changed"), (8 * MIB, "shrank")] {
        let watch = scene.watch().unwrap();
        let mut deployment = start(&scene, &image);
        deployment.wait_for_line("image-copy-progress").unwrap();
        let file = File::options().write(true).open(&image).unwrap();
        file.set_len(length).unwrap();
        let outcome = deployment.end().unwrap();
        assert_eq!(watch.leftovers().unwrap(), Vec::<String>::new());
        outcome.gave_one_reason(&["large", word]);
    }
}

/// A MiB of an image every tenth of a second, and never its second half.
fn slowly(image: &[u8]) -> Vec<Act> {
    let length = format!("Content-Length: {}\r\n", image.len());
    let mut acts = vec![answer("200 OK", &length, b"")];
    for piece in image[..image.len() / 2].chunks(1 << 20) {
        acts.push(Act::Trickle(piece[..1].to_vec()));
        acts.push(Act::Send(piece[1..].to_vec()));
    }
    acts.push(Act::Hold);
    acts
}

#[test]
fn a_signal_in_the_middle_of_the_copy_ends_it() {
    let Some(scene) = Scene::set() else { return };
    let image = fs::read(scene.small_image(tree::debian).unwrap()).unwrap();
    scene.configure("FETCH_ALLOW=\"127.0.0.0/8\"\n").unwrap();
    let server = Server::start(move |_| slowly(&image));
    // The first has ended deployments of all kinds before.
    for (signal, name) in SIGNALS.into_iter().skip(1) {
        let watch = scene.watch().unwrap();
        let mut deployment = start(&scene, Path::new(&server.url("/image")));
        deployment.wait_for_line("image-copy-progress").unwrap();
        deployment.send(signal).unwrap();
        let outcome = deployment.end().unwrap();
        was_interrupted(&outcome, name);
        assert!(!outcome.stdout.contains("\"progress\":100"), "{outcome:?}");
        assert_eq!(watch.leftovers().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn a_killed_program_takes_its_vm_along_and_does_not_block_the_next_run() {
    let Some(scene) = Scene::set() else { return };
    wait_in_the_end(&scene);
    let image = scene.small_image(tree::debian).unwrap();
    File::create(scene.path("disk")).unwrap();
    for step in ["copied and flushed", "\"task-start\",\"task\":\"Wait"] {
        let watch = scene.watch().unwrap();
        let mut deployment = start(&scene, &image);
        wait_for_descendant(deployment.id(), "qemu-system", SOON).unwrap();
        deployment.wait_for_line(step).unwrap();
        assert!(descendants(deployment.id()).len() >= 2);
        deployment.send(Signal::KILL).unwrap();
        assert_eq!(deployment.end().unwrap().code, None);
        let deadline = Instant::now() + ORPHANED;
        let mut left = watch.leftovers().unwrap();
        while !left.is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
            left = watch.leftovers().unwrap();
        }
        assert_eq!(left, Vec::<String>::new(), "{step}");
    }
    scene.configure("").unwrap();
    start(&scene, &image).end().unwrap().succeeded();
    assert_eq!(scene.root_of("disk").unwrap().problems().unwrap(), "");
}

#[test]
fn a_vm_that_is_killed_fails_the_deployment() {
    let Some(scene) = Scene::set() else { return };
    wait_in_the_end(&scene);
    let image = scene.small_image(tree::debian).unwrap();
    for step in ["copying the image", "\"task-start\",\"task\":\"Wait"] {
        let watch = scene.watch().unwrap();
        let mut deployment = start(&scene, &image);
        let qemu = wait_for_descendant(deployment.id(), "qemu-system", SOON).unwrap();
        deployment.wait_for_line(step).unwrap();
        let qemu = Pid::from_raw(i32::try_from(qemu).unwrap()).unwrap();
        kill_process(qemu, Signal::KILL).unwrap();
        let outcome = deployment.end().unwrap();
        outcome
            .ended_with(1)
            .gave_one_reason(&["the helper VM ended early", "signal: 9"]);
        assert_eq!(watch.leftovers().unwrap(), Vec::<String>::new(), "{step}");
    }
}
