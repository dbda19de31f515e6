//! An image that is not the one that was asked for is never started, nor left to be.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;

use harness::{Outcome, Scene};
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree;

const MIB: usize = 1 << 20;

fn sha256(image: &Path) -> String {
    let sums = Tool::new("sha256sum").arg(image).run().unwrap();
    let sum = sums.split_whitespace().next().unwrap();
    format!("sha256:{sum}")
}

/// A digest that no image has.
fn other() -> String {
    format!("sha256:{}", "0".repeat(64))
}

fn no_task_has_begun(outcome: &Outcome) {
    for output in [&outcome.stdout, &outcome.stderr] {
        assert!(!output.contains("FixPartitionTable"), "{output}");
    }
}

fn ends_are_zero(disk: &Path) {
    let disk = fs::read(disk).unwrap();
    for end in [&disk[..MIB], &disk[disk.len() - MIB..]] {
        assert!(end.iter().all(|byte| *byte == 0));
    }
}

#[test]
fn an_image_with_another_digest_never_meets_the_helper() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    fs::write(scene.path("disk"), vec![0xA5; 80 * MIB]).unwrap();
    let digest = other();
    let arguments = ["--json", "--digest", &digest];
    let words = [
        "the sha256 digest of image",
        &sha256(&image)["sha256:".len()..],
        "as was asked for",
    ];
    let outcome = scene.fails(&mut scene.deployment(&image, "disk", arguments), 1, &words);
    no_task_has_begun(&outcome);
    ends_are_zero(&scene.path("disk"));
}

#[test]
fn an_image_with_its_digest_is_deployed() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let digest = sha256(&image);
    let arguments = ["--digest", &digest, "--hostname", "vm"];
    scene.deploy(&image, "disk", arguments).unwrap().succeeded();
    let root = scene.root_of("disk").unwrap();
    assert_eq!(root.text("/etc/hostname").unwrap(), "vm\n");
}

#[test]
fn an_instance_gets_no_image_but_that_of_img_digest() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    fs::write(scene.path("disk"), vec![0xA5; 80 * MIB]).unwrap();
    let script = scene.script("").unwrap();
    let script = script.with_disks(&["disk"]).with_image();
    let outcome = script
        .clone()
        .with("OSP_IMG_DIGEST", &other())
        .run("create")
        .unwrap();
    outcome.failed_with(&["the sha256 digest of image"]);
    no_task_has_begun(&outcome);
    ends_are_zero(&scene.path("disk"));

    let script = script.with("OSP_IMG_DIGEST", &sha256(&image));
    script.run("create").unwrap().succeeded();
}

#[test]
fn a_published_list_decides_what_is_deployed() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let list = |content: &str| {
        fs::write(scene.path("SHA256SUMS"), content).unwrap();
        scene.path("SHA256SUMS").display().to_string()
    };
    let stale = || fs::write(scene.path("disk"), vec![0xA5; 80 * MIB]).unwrap();
    let digest = sha256(&image);
    let name = image.file_name().unwrap().to_str().unwrap();

    // Without its line nothing is touched.
    stale();
    let sums = list(&format!("{}  other.img\n", "0".repeat(64)));
    let mut deployment = scene.deployment(&image, "disk", ["--digest-url", &sums]);
    scene.fails(&mut deployment, 2, &["holds no digest of", "other.img"]);
    assert!(
        fs::read(scene.path("disk"))
            .unwrap()
            .iter()
            .all(|byte| *byte == 0xA5)
    );

    // With another digest nothing is started.
    let sums = list(&format!("{}  {name}\n", "0".repeat(64)));
    let arguments = ["--json", "--digest-url", &sums];
    let mut deployment = scene.deployment(&image, "disk", arguments);
    let outcome = scene.fails(&mut deployment, 1, &["as was asked for"]);
    no_task_has_begun(&outcome);
    ends_are_zero(&scene.path("disk"));

    let sums = list(&format!("{}  {name}\n", &digest["sha256:".len()..]));
    let outcome = scene.deploy(&image, "disk", ["--digest-url", &sums]);
    outcome.unwrap().succeeded();
}

#[test]
fn an_image_that_was_changed_after_it_was_signed_never_meets_the_helper() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let keys = scene.path("keys");
    fs::create_dir(&keys).unwrap();
    scene
        .configure(&format!(
            "KEYS_DIR=\"{}\"\nREQUIRE_SIGNATURE=yes\n",
            keys.display()
        ))
        .unwrap();
    let minisign = |arguments: &[&str]| {
        Tool::new("minisign")
            .args(arguments)
            .directory(scene.directory())
            .run()
            .unwrap()
    };
    minisign(&["-G", "-W", "-p", "keys/key.pub", "-s", "key"]);
    minisign(&[
        "-S",
        "-s",
        "key",
        "-m",
        image.to_str().unwrap(),
        "-x",
        "signature",
    ]);
    let signature = scene.path("signature").display().to_string();
    let arguments = ["--json", "--signature-url", &signature];

    fs::write(scene.path("disk"), vec![0xA5; 80 * MIB]).unwrap();
    let outcome = scene.deploy(&image, "disk", arguments).unwrap();
    outcome.succeeded();

    let mut deployment = scene.deployment(&image, "disk", ["--json"]);
    scene.fails(&mut deployment, 2, &["REQUIRE_SIGNATURE=yes"]);

    let mut bytes = fs::read(&image).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&image, bytes).unwrap();
    fs::write(scene.path("disk"), vec![0xA5; 80 * MIB]).unwrap();
    let mut deployment = scene.deployment(&image, "disk", arguments);
    let outcome = scene.fails(
        &mut deployment,
        1,
        &["does not fit what it is said to sign"],
    );
    no_task_has_begun(&outcome);
    ends_are_zero(&scene.path("disk"));
}
