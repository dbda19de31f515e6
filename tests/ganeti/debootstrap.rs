//! A helper that is a whole Debian system with our package in it does what the small one does.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(clippy::unwrap_used, reason = "a test may end on a fault")]

use std::env;
use std::fs;
use std::path::PathBuf;

use harness::Scene;
use snf_image_testkit::tree;

const MIRROR: &str = "http://deb.debian.org/debian";

/// Copies the package snf-image-helper into HELPER_DIR, as an administrator does, and gives its
/// file's name.
fn put_package(helper_dir: &PathBuf) -> Option<String> {
    let Some(packages) = env::var_os("SNF_DEBS") else {
        eprintln!("skipped: there are no packages; `cargo xtask ganeti` makes them");
        return None;
    };
    fs::create_dir(helper_dir).unwrap();
    let is_helper = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("snf-image-helper_")
    };
    let package = fs::read_dir(packages)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(is_helper)
        .unwrap();
    let name = package.file_name().unwrap();
    fs::copy(&package, helper_dir.join(name)).unwrap();
    Some(name.to_str().unwrap().to_owned())
}

#[test]
fn a_debian_helper_is_built_and_deploys_with_its_parameters_on_a_disk_and_on_a_floppy() {
    let Some(scene) = Scene::set() else { return };
    let helper_dir = scene.path("helper");
    let Some(package) = put_package(&helper_dir) else {
        return;
    };
    let settings = format!(
        "HELPER_DIR=\"{}\"\nHELPER_BUILDER=\"debootstrap\"\nHELPER_PKG=\"{package}\"\n\
         HELPER_MIRROR=\"{MIRROR}\"\n",
        helper_dir.display()
    );
    scene.configure(&settings).unwrap();
    let built = scene
        .snf_image()
        .args(["helper", "build"])
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let left = fs::read_dir(&helper_dir).unwrap().count();
    assert_eq!(left, 5, "the package, kernel, initrd, root and manifest");

    let image = scene.product.demo_image.clone();
    for seat in ["virtio", "floppy"] {
        scene
            .configure(&format!("{settings}HELPER_PARAMETERS=\"{seat}\"\n"))
            .unwrap();
        let name = format!("{seat}.example.org");
        scene
            .deploy(&image, seat, ["--size", "6G", "--hostname", &name])
            .unwrap()
            .succeeded();
        let root = scene.root_of(seat).unwrap();
        assert_eq!(root.text("/etc/hostname").unwrap(), format!("{name}\n"));
        assert_eq!(root.problems().unwrap(), "");
        assert!(root.size().unwrap() > 5 << 30);
    }

    let image = scene.small_image(tree::debian).unwrap();
    let large = scene.write("large", vec![b'x'; 2_000_000]).unwrap();
    let injection = format!("{}:/opt/large", large.display());
    scene
        .deploy(&image, "refused", ["--inject", &injection])
        .unwrap()
        .ended_with(1)
        .complained_of(&["floppy", "HELPER_PARAMETERS=virtio"]);
}
