//! Images of other forms than a raw disk, deployed by the product.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::File;
use std::path::Path;

use harness::Scene;
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree;

/// What a packing tool makes of the image, beside it.
fn packed(scene: &Scene, image: &Path, tool: &str, name: &str) -> std::path::PathBuf {
    let path = scene.path(name);
    let script = format!("{tool} < \"$1\" > \"$2\"");
    Tool::new("sh")
        .args(["-euc", &script, "sh"])
        .args([image, &path])
        .run()
        .unwrap();
    path
}

#[test]
fn a_compressed_image_is_deployed_and_customised() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let packed = packed(&scene, &image, "zstd -q", "image.zst");
    let arguments = ["--size", "128M", "--hostname", "packed.example.org"];
    let outcome = scene.deploy(&packed, "disk", arguments).unwrap();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let root = scene.root_of("disk").unwrap();
    let name = root.text("/etc/hostname").unwrap();
    assert_eq!(name, "packed.example.org\n");
}

#[test]
fn a_new_file_for_a_compressed_image_needs_a_size() {
    let Some(scene) = Scene::set() else { return };
    let raw = scene.write("raw", [7; 4096]).unwrap();
    let packed = packed(&scene, &raw, "gzip", "image.gz");
    let words = ["shows only when it is unpacked"];
    scene.fails(
        &mut scene.deployment::<&str>(&packed, "disk", []),
        2,
        &words,
    );
    assert!(File::open(scene.path("disk")).is_err());
}
