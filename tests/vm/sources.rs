//! Whole deployments from sources that behave well, and from those that fail in the middle.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use harness::{INSTANCE, Outcome, Scene};
use snf_image_testkit::http::{Server, answer};
use snf_image_testkit::tree;
use snf_image_testkit::web::Web;

const MIB: usize = 1 << 20;

/// A back-end that sends the scene's image, as its configuration says, and ends with a status.
const BACKEND: &str = r#"#!/bin/sh
case $1 in
-p) case $2 in pithos:*) echo yes;; *) echo no;; esac;;
-s) stat -c %s "$STORE/image";;
*)
    sleep 986001 &
    cat "$STORE/image"
    echo "object $1" > "$STORE/asked"
    echo "the last block is not what it should be" >&2
    exit $STATUS;;
esac
"#;

/// The lines that configure it.
fn backend(scene: &Scene, status: u8) -> String {
    let (programs, files) = (scene.path("backends"), scene.path("files"));
    for directory in [&programs, &files] {
        fs::create_dir_all(directory).unwrap();
    }
    let program = programs.join("pithos");
    fs::write(&program, BACKEND).unwrap();
    fs::set_permissions(program, Permissions::from_mode(0o755)).unwrap();
    // There before, so that it is not taken for something that the product left.
    scene.write("asked", "").unwrap();
    let store = scene.directory().display();
    scene
        .write(
            "files/pithos.conf",
            format!("STORE=\"{store}\"\nSTATUS={status}\n"),
        )
        .unwrap();
    format!(
        "BACKENDS_DIR=\"{}\"\nBACKENDS_CONFIG_DIR=\"{}\"\n",
        programs.display(),
        files.display()
    )
}

#[test]
fn an_instance_is_created_from_what_a_back_end_sends() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    scene.blank("disk", 96).unwrap();
    let lines = backend(&scene, 0);
    let script = scene.script(&lines).unwrap();
    let watch = scene.watch().unwrap();
    let id = "pithos://user/container/an image?version=1&x='hunter2'";
    let outcome = script
        .with_disks(&["disk"])
        .with("OSP_IMG_ID", id)
        .with("OSP_IMG_FORMAT", "diskdump")
        .run("create")
        .unwrap();
    outcome.succeeded();
    assert!(
        outcome.stderr.contains("pithos: the last block"),
        "{}",
        outcome.stderr
    );
    assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
    assert_eq!(
        fs::read_to_string(scene.path("asked")).unwrap(),
        format!("object {id}\n")
    );
    let root = scene.root_of("disk").unwrap();
    assert_eq!(root.text("/etc/hostname").unwrap(), format!("{INSTANCE}\n"));
    assert_eq!(watch.leftovers().unwrap(), Vec::<String>::new());
}

#[test]
fn an_image_whose_back_end_fails_never_meets_the_helper() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    fs::write(scene.path("disk"), vec![0xA5; 80 * MIB]).unwrap();
    scene.configure(&backend(&scene, 3)).unwrap();
    let mut command = scene.deployment(Path::new("pithos://a/b/c"), "disk", ["--json"]);
    let words = ["back-end pithos: exit code 3: the last block is not what it should be"];
    let outcome = scene.fails(&mut command, 1, &words);
    never_met_the_helper(&outcome, &scene.path("disk"));
}

/// Nothing of the image can start, and no task has begun.
fn never_met_the_helper(outcome: &Outcome, disk: &Path) {
    assert!(
        !outcome.stdout.contains("FixPartitionTable"),
        "{}",
        outcome.stdout
    );
    let disk = fs::read(disk).unwrap();
    for end in [&disk[..MIB], &disk[disk.len() - MIB..]] {
        assert!(end.iter().all(|byte| *byte == 0));
    }
}

/// Permits this machine's own addresses.
const ALLOW: &str = "FETCH_ALLOW=\"127.0.0.0/8\"\nFETCH_TIMEOUT=5\n";

#[test]
fn an_image_that_stays_cut_short_never_meets_the_helper() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    scene.configure(ALLOW).unwrap();
    for percent in [1, 50, 99] {
        fs::write(scene.path("disk"), vec![0xA5; 80 * MIB]).unwrap();
        let image = fs::read(scene.path("image")).unwrap();
        let cut = image.len() / 100 * percent;
        let length = format!("Content-Length: {}\r\n", image.len());
        let server = Server::start(move |_| vec![answer("200 OK", &length, &image[..cut])]);
        let url = server.url("/image");
        let mut command = scene.deployment(Path::new(&url), "disk", ["--json"]);
        let words = ["the connection broke at byte", "it could not be resumed"];
        let outcome = scene.fails(&mut command, 1, &words);
        assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
        never_met_the_helper(&outcome, &scene.path("disk"));
    }
}

#[test]
fn two_deployments_of_one_url_do_not_disturb_each_other() {
    let Some(scene) = Scene::set() else { return };
    scene.small_image(tree::debian).unwrap();
    scene.configure(ALLOW).unwrap();
    let web = Web::over(scene.directory()).unwrap();
    let url = web.url("image");
    let disks = ["one", "two"];
    thread::scope(|scope| {
        for name in disks {
            let (scene, url) = (&scene, &url);
            scope.spawn(move || {
                let arguments = ["--size", "96M", "--hostname", name];
                let outcome = scene.deploy(Path::new(url), name, arguments).unwrap();
                outcome.succeeded();
            });
        }
    });
    for name in disks {
        let root = scene.root_of(name).unwrap();
        assert_eq!(root.problems().unwrap(), "");
        assert_eq!(root.text("/etc/hostname").unwrap(), format!("{name}\n"));
    }
}
