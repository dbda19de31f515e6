//! Images from a web server, and none at all.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;

use harness::{INSTANCE, Scene};
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree;
use snf_image_testkit::web::Web;

/// Permits this machine's own addresses.
const ALLOW: &str = "FETCH_ALLOW=\"127.0.0.0/8\"\n";

#[test]
fn an_image_is_deployed_from_where_it_is_fetched() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    scene.configure(ALLOW).unwrap();
    let web = Web::over(scene.directory()).unwrap();
    let url = web.url("image");
    let watch = scene.watch().unwrap();
    let arguments = ["--size", "96M", "--hostname", "far.example.org"];
    let outcome = scene.deploy(Path::new(&url), "disk", arguments).unwrap();
    outcome.succeeded();
    assert!(!outcome.stdout.contains("hunter2"), "{}", outcome.stdout);
    let root = scene.root_of("disk").unwrap();
    assert_eq!(root.problems().unwrap(), "");
    assert_eq!(root.text("/etc/hostname").unwrap(), "far.example.org\n");
    fs::remove_file(scene.path("disk")).unwrap();
    assert_eq!(watch.leftovers().unwrap(), Vec::<String>::new());
}

#[test]
fn a_qcow2_image_is_deployed_from_where_it_is_fetched() {
    let Some(scene) = Scene::set() else { return };
    let raw = scene.small_image(tree::debian).unwrap();
    let packed = scene.path("image.qcow2");
    (Tool::new("qemu-img").args(["convert", "-c", "-f", "raw", "-O", "qcow2"]))
        .arg(&raw)
        .arg(&packed)
        .run()
        .unwrap();
    // Nobody says how large the disk is to be: the image does, once all of it is there.
    let spool = scene.path("spool");
    fs::create_dir(&spool).unwrap();
    let settings = format!("{ALLOW}SPOOL_DIR=\"{}\"\n", spool.display());
    scene.configure(&settings).unwrap();
    let web = Web::over(scene.directory()).unwrap();
    for (image, format) in [
        ("image.qcow2", "qcow2"),
        ("image.qcow2", "auto"),
        ("image", "auto"),
    ] {
        let url = web.url(image);
        let arguments = ["--format", format, "--hostname", "far.example.org"];
        let outcome = scene.deploy(Path::new(&url), "disk", arguments).unwrap();
        outcome.succeeded();
        let root = scene.root_of("disk").unwrap();
        assert_eq!(root.problems().unwrap(), "");
        assert_eq!(root.text("/etc/hostname").unwrap(), "far.example.org\n");
        let size = |path: &Path| fs::metadata(path).unwrap().len();
        assert_eq!(size(&scene.path("disk")), size(&raw));
        assert_eq!(fs::read_dir(&spool).unwrap().count(), 0);
        fs::remove_file(scene.path("disk")).unwrap();
    }
    let wrong = format!("sha256:{}", "0".repeat(64));
    let arguments = ["--format", "qcow2", "--digest", &wrong];
    let url = web.url("image.qcow2");
    let outcome = scene.deploy(Path::new(&url), "disk", arguments).unwrap();
    outcome.complained_of(&["digest"]);
    assert!(!scene.path("disk").exists());
}

#[test]
fn an_instance_is_created_from_qcow2_and_its_form_is_detected_where_that_is_permitted() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    let directory = scene.directory();
    (Tool::new("qemu-img").args([
        "convert",
        "-f",
        "raw",
        "-O",
        "qcow2",
        "image",
        "image.qcow2",
    ]))
    .directory(directory)
    .run()
    .unwrap();
    let create = |lines: &str, format: &str| {
        scene.blank("disk", 96).unwrap();
        let script = scene.script(lines).unwrap();
        script
            .with_disks(&["disk"])
            .with("OSP_IMG_ID", "image.qcow2")
            .with("OSP_IMG_FORMAT", format)
            .run("create")
            .unwrap()
    };
    let refused = create("", "auto");
    refused.ended_with(1);
    assert!(
        refused.stderr.contains("DETECT_FORMAT"),
        "{}",
        refused.stderr
    );
    for (lines, format) in [("", "qcow2"), ("DETECT_FORMAT=./\n", "auto")] {
        create(lines, format).succeeded();
        let root = scene.root_of("disk").unwrap();
        assert_eq!(root.text("/etc/hostname").unwrap(), format!("{INSTANCE}\n"));
    }
}

#[test]
fn what_cannot_be_fetched_leaves_no_target() {
    let Some(scene) = Scene::set() else { return };
    let web = Web::over(scene.directory()).unwrap();
    for (lines, name, words) in [
        ("", "image", "FETCH_ALLOW"),
        (ALLOW, "nothing", "status 404"),
    ] {
        scene.configure(lines).unwrap();
        let arguments = ["--size", "96M"];
        let url = web.url(name);
        let outcome = scene.deploy(Path::new(&url), "disk", arguments).unwrap();
        outcome.ended_with(2).complained_of(&[words]);
        assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
        assert!(!scene.path("disk").exists());
    }
}

#[test]
fn an_instance_is_created_from_a_url() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    scene.blank("disk", 96).unwrap();
    let web = Web::over(scene.directory()).unwrap();
    let script = scene.script(ALLOW).unwrap();
    let outcome = script
        .with_disks(&["disk"])
        .with("OSP_IMG_ID", &web.url("image"))
        .with("OSP_IMG_FORMAT", "diskdump")
        .run("create")
        .unwrap();
    outcome.succeeded();
    assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
    let root = scene.root_of("disk").unwrap();
    assert_eq!(root.text("/etc/hostname").unwrap(), format!("{INSTANCE}\n"));
}

#[test]
fn null_keeps_the_disk_and_customises_it() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    fs::rename(image, scene.path("disk")).unwrap();
    let script = scene.script("").unwrap();
    let outcome = script
        .with_disks(&["disk"])
        .with("OSP_IMG_ID", "null")
        .with("OSP_IMG_FORMAT", "diskdump")
        .run("create")
        .unwrap();
    outcome.succeeded();
    let root = scene.root_of("disk").unwrap();
    assert_eq!(root.text("/etc/hostname").unwrap(), format!("{INSTANCE}\n"));
}
