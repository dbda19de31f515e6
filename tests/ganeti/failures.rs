//! Whatever goes wrong, the job fails with the cause in its answer and the nodes stay clean.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::io::Read;
use std::thread;
use std::time::Duration;

use harness::{Cluster, Instance, Outcome, Scene};
use rustix::process::{Pid, Signal, kill_process};
use snf_image_testkit::disk::MIB;

const PASSWORD: &str = "Zq7-never-to-be-seen";
const HASH: &str = "$6$Zq7neverseen$QkzY1Nn3JbT";
/// How long a VM may outlive the script that watched over it, and the look at three nodes.
const ORPHANED: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_secs(60);

fn add(instance: &Instance, node: u32, size: &str, parameters: &str, more: &[&str]) -> Outcome {
    let disk = format!("--disk=0:size={size}");
    let fixed = ["--disk-template=file", &disk, "--os-parameters", parameters];
    instance.add(node, fixed.iter().chain(more)).unwrap()
}

#[track_caller]
fn failed(outcome: &Outcome, words: &[&str]) {
    let text = format!("{}{}", outcome.stdout, outcome.stderr);
    assert_ne!(outcome.code, Some(0), "{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in\n{text}");
    }
    for secret in [PASSWORD, HASH] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn wrong_parameters_are_named_before_anything_is_made() {
    let Some((cluster, image)) = Cluster::with_debian("failures.raw") else {
        return;
    };
    let instance = cluster.instance(10).unwrap();
    let traces = cluster.traces().unwrap();
    let secret = format!("img_passwd={PASSWORD}");
    let private = format!("img_passwd_hash={HASH}");
    let both: [&str; 4] = [
        "--os-parameters-secret",
        &secret,
        "--os-parameters-private",
        &private,
    ];
    let cases: [(&str, &[&str], &[&str]); 5] = [
        (
            r#",img_properties={"OSFAMILY""#,
            &both[..2],
            &["img_properties is not a JSON object"],
        ),
        (
            r#",img_personality=[{"path""#,
            &both[..2],
            &["img_personality"],
        ),
        ("", &both, &["img_passwd", "img_passwd_hash", "both given"]),
        ("", &["--os-type=snf-image+strange"], &["strange"]),
        (
            "",
            &["--os-type=snf-image+strange", "--force-variant"],
            &["there is no variant strange"],
        ),
    ];
    for (parameters, more, words) in cases {
        let parameters = format!("{}{parameters}", image.parameters());
        failed(&add(&instance, 2, "64M", &parameters, more), words);
        // Ganeti made no instance, so there is nothing to remove between two attempts.
        assert_ne!(instance.command(&["info"]).unwrap().code, Some(0));
    }
    assert_eq!(traces.left(Duration::ZERO).unwrap(), Vec::<String>::new());
}

#[test]
fn an_image_a_disk_and_a_helper_that_will_not_do_are_named() {
    let Some((cluster, image)) = Cluster::with_debian("failures.raw") else {
        return;
    };
    let secret = format!("img_passwd={PASSWORD}");
    let more = ["--os-parameters-secret", &secret];
    let traces = cluster.traces().unwrap();
    let instance = cluster.instance(17).unwrap();
    let outcome = add(
        &instance,
        1,
        "64M",
        "img_id=nowhere,img_format=diskdump",
        &more,
    );
    failed(&outcome, &["nowhere", "does not exist"]);
    drop(instance);

    let instance = cluster.instance(11).unwrap();
    let outcome = add(&instance, 1, "32M", &image.parameters(), &more);
    failed(&outcome, &["the image has 67108864 bytes"]);
    drop(instance);

    let instance = cluster.instance(12).unwrap();
    let rename = |from: &str, to: &str| {
        let path = |name| format!("/usr/lib/snf-image/{name}");
        let moved = cluster.run_on(3, ["mv", "-T", &path(from), &path(to)]);
        moved.unwrap().succeeded();
    };
    rename("appliance", "away");
    let outcome = add(&instance, 3, "64M", &image.parameters(), &more);
    rename("away", "appliance");
    failed(&outcome, &["helper", "/var/lib/snf-image/helper"]);
    drop(instance);
    assert_eq!(traces.left(Duration::ZERO).unwrap(), Vec::<String>::new());
}

#[test]
fn a_create_script_that_is_killed_fails_the_job_and_takes_everything_along() {
    let Some((cluster, small)) = Cluster::with_debian("failures.raw") else {
        return;
    };
    let Some(scene) = Scene::set() else { return };
    let large = scene.path("random");
    let mut random = File::open("/dev/urandom").unwrap().take(1024 * MIB);
    std::io::copy(&mut random, &mut File::create(&large).unwrap()).unwrap();
    let large = cluster.publish(&large, "failures-large.raw").unwrap();
    let secret = format!("img_passwd={PASSWORD}");
    let traces = cluster.traces().unwrap();
    for (number, image, step) in [
        (13, &large, "copying the image"),
        (14, &small, "FixPartitionTable begins"),
    ] {
        let instance = cluster.instance(number).unwrap();
        let outcome = thread::scope(|scope| {
            let job = scope.spawn(|| {
                let more = ["--os-parameters-secret", &secret];
                add(&instance, 2, "1G", &image.parameters(), &more)
            });
            let script = cluster.creating(2, instance.name(), step, SOON).unwrap();
            let script = Pid::from_raw(i32::try_from(script).unwrap()).unwrap();
            kill_process(script, Signal::KILL).unwrap();
            job.join().unwrap()
        });
        failed(&outcome, &["signal 9"]);
        let log = cluster.log(2, "add", instance.name()).unwrap();
        assert!(
            !log.contains("is copied and flushed") || number == 14,
            "{log}"
        );
        assert!(!log.contains("UmountImage ended"), "{log}");
        assert!(!log.contains(PASSWORD), "{log}");
        assert_eq!(traces.left(ORPHANED).unwrap(), Vec::<String>::new());
    }

    // The node is as able as before.
    let instance = cluster.instance(14).unwrap();
    add(&instance, 2, "64M", &small.parameters(), &[]).succeeded();
}
