//! A helper VM whose files are missing, stale or damaged is not started.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;

use harness::Scene;
use snf_image_testkit::tree;

/// Where the way out is.
const BUILD: &str = "snf-image helper build";

/// Insists that a deployment is refused in one line with these words and leaves nothing.
#[track_caller]
fn is_refused(scene: &Scene, image: &Path, words: &[&str]) {
    let mut command = scene.deployment(image, "disk", ["--size", "80M"]);
    scene.fails(&mut command, 1, words);
}

#[test]
fn one_flipped_bit_in_the_helper_is_found_before_the_copy() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let helper = scene.own_helper().unwrap();
    scene.configure(&helper.setting()).unwrap();
    for which in ["kernel", "initrd"] {
        let path = helper.file(which).unwrap();
        let whole = fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        damaged[whole.len() / 2] ^= 1;
        fs::write(&path, damaged).unwrap();
        is_refused(&scene, &image, &[which, "is damaged", BUILD]);
        fs::write(&path, whole).unwrap();
    }
    let deployed = scene.deploy(&image, "disk", ["--size", "80M"]);
    deployed.unwrap().succeeded();
}

#[test]
fn a_helper_that_is_missing_or_of_another_release_is_refused() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let helper = scene.own_helper().unwrap();
    scene.configure(&helper.setting()).unwrap();

    helper
        .edit_manifest(|manifest| {
            let release = manifest["release"].as_str().unwrap();
            manifest["release"] = format!("0.{release}").into();
        })
        .unwrap();
    is_refused(&scene, &image, &["was built by release 0.", BUILD]);

    fs::remove_file(helper.directory.join("manifest.json")).unwrap();
    is_refused(&scene, &image, &["there is no helper in", BUILD]);
}
