//! A helper VM whose files are missing, stale or damaged is not started.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use harness::Scene;
use snf_image_testkit::tree;

/// Has the scene's configuration name a copy of the helper, and says where it is.
fn copy_helper(scene: &Scene) -> Result<PathBuf> {
    let copy = scene.path("helper");
    fs::create_dir(&copy)?;
    for entry in fs::read_dir(&scene.product.helper_dir)? {
        let entry = entry?;
        fs::copy(entry.path(), copy.join(entry.file_name()))?;
    }
    scene.configure(&format!("HELPER_DIR=\"{}\"\n", copy.display()))?;
    Ok(copy)
}

/// The file of the helper whose name begins so.
fn file(helper: &Path, prefix: &str) -> Result<PathBuf> {
    fs::read_dir(helper)?
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .with_context(|| format!("no {prefix} in {}", helper.display()))
}

/// Insists that a deployment is refused in one line with these words and leaves nothing.
fn is_refused(scene: &Scene, image: &Path, words: &[&str]) -> Result<()> {
    let watch = scene.watch()?;
    scene
        .deploy(image, "disk", ["--size", "80M"])?
        .ended_with(1)
        .complained_of(words);
    let left = watch.leftovers()?;
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

#[test]
fn one_flipped_bit_in_the_helper_is_found_before_the_copy() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let helper = copy_helper(&scene).unwrap();
    for prefix in ["kernel-", "initrd-"] {
        let path = file(&helper, prefix).unwrap();
        let whole = fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        damaged[whole.len() / 2] ^= 1;
        fs::write(&path, damaged).unwrap();
        is_refused(
            &scene,
            &image,
            &[prefix, "is damaged", "snf-image helper build"],
        )
        .unwrap();
        fs::write(&path, whole).unwrap();
    }
    scene
        .deploy(&image, "disk", ["--size", "80M"])
        .unwrap()
        .succeeded();
}

#[test]
fn a_helper_that_is_missing_or_of_another_release_is_refused() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let helper = copy_helper(&scene).unwrap();

    let manifest = file(&helper, "manifest.json").unwrap();
    let text = fs::read_to_string(&manifest).unwrap();
    let stale = text.replacen("\"release\": \"", "\"release\": \"0.", 1);
    fs::write(&manifest, stale).unwrap();
    is_refused(
        &scene,
        &image,
        &["was built by release 0.", "snf-image helper build"],
    )
    .unwrap();

    fs::remove_file(&manifest).unwrap();
    is_refused(
        &scene,
        &image,
        &["there is no helper in", "snf-image helper build"],
    )
    .unwrap();
}
