//! What is wrong with a call of the OS scripts is said in plain words, at the end of the log.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use harness::{Outcome, Scene, Script};
use snf_image_testkit::tree;

fn scene_with_disk() -> Option<Scene> {
    let scene = Scene::set()?;
    scene.small_image(tree::debian).unwrap();
    scene.blank("disk", 64).unwrap();
    Some(scene)
}

fn valid<'scene>(scene: &'scene Scene, configuration: &str) -> Script<'scene> {
    scene
        .script(configuration)
        .unwrap()
        .with_disks(&["disk"])
        .with_image()
}

#[test]
fn every_script_explains_itself_and_takes_no_other_arguments() {
    let Some(scene) = scene_with_disk() else {
        return;
    };
    scene.script("").unwrap();
    for name in ["create", "import", "export", "rename", "verify"] {
        let run = |arguments: &[&str]| {
            let output = Command::new(scene.path("os").join(name))
                .args(arguments)
                .env_clear()
                .output();
            Outcome::from(output.unwrap())
        };
        for help in ["-h", "--help"] {
            let outcome = run(&[help]);
            outcome.succeeded();
            assert!(
                outcome.stdout.starts_with(&format!("Usage: {name}")),
                "{}",
                outcome.stdout
            );
        }
        run(&["too", "many"]).ended_with(1);
    }
    let bare = Command::new(scene.path("os/verify"))
        .env_clear()
        .output()
        .unwrap();
    Outcome::from(bare).ended_with(1);
}

#[test]
fn verify_and_create_say_the_same_of_wrong_parameters() {
    let Some(scene) = scene_with_disk() else {
        return;
    };
    let script = valid(&scene, "");
    script.run("verify").unwrap().succeeded();
    for (name, value, words) in [
        (
            "OSP_IMG_FORMAT",
            "floppy",
            "img_format: \"floppy\" is no format",
        ),
        ("OSP_IMG_FORMAT", "raw", "it is one of diskdump"),
        ("OSP_IMG_ID", "", "img_id is required"),
        ("OSP_IMG_ID", "-s:x", "begins with a hyphen"),
        ("OSP_IMG_ID", "../image", "must not hold .."),
        (
            "OSP_IMG_PROPERTIES",
            "{",
            "img_properties is not a JSON object at line 1",
        ),
        (
            "OSP_INST_PROPERTIES",
            r#"{"OSFAMILY": "beos"}"#,
            "OSFAMILY=beos",
        ),
        ("OSP_IMG_PASSWD_HASH", "a:b", "not a password hash"),
        (
            "OSP_CLOUD_USERDATA",
            "#cloud-config",
            "cloud_userdata: it is not base64",
        ),
        (
            "OSP_CONFIG_URL",
            "file:///etc/passwd",
            "not an http or https URL",
        ),
        ("OS_API_VERSION", "15", "OS_API_VERSION=\"15\""),
        (
            "OS_VARIANT",
            "listed",
            "is listed in /etc/ganeti/snf-image/variants.list but has no file",
        ),
        ("OS_VARIANT", "strange", "there is no variant strange"),
    ] {
        let wrong = script.clone().with(name, value);
        for script in ["verify", "create"] {
            // What create follows it says itself.
            if name == "OSP_CONFIG_URL" && script == "create" {
                wrong.run(script).unwrap().failed_with(&["http or https"]);
            } else {
                wrong.run(script).unwrap().failed_with(&[words]);
            }
        }
    }
    let modified = script
        .clone()
        .without("OSP_IMG_ID")
        .without("OSP_IMG_FORMAT");
    modified.run("verify").unwrap().succeeded();
    modified
        .run("create")
        .unwrap()
        .failed_with(&["is required"]);
    let both = script
        .with("OSP_IMG_PASSWD", "hunter2")
        .with("OSP_IMG_PASSWD_HASH", "$6$hunter2$x");
    for name in ["verify", "create"] {
        let outcome = both.run(name).unwrap();
        outcome.failed_with(&["both given"]);
        assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
    }
    assert!(
        fs::read(scene.path("disk"))
            .unwrap()
            .iter()
            .all(|byte| *byte == 0)
    );
}

#[test]
fn create_says_what_is_wrong_with_image_and_disks() {
    let Some(scene) = scene_with_disk() else {
        return;
    };
    let script = valid(&scene, "");
    for (name, value, words) in [
        ("OSP_IMG_ID", "missing", "image missing does not exist in"),
        ("OSP_IMG_ID", "/etc/passwd", "lies outside of"),
        ("OSP_IMG_ID", "os", "is not a regular file"),
        (
            "DISK_0_PATH",
            "/nonexistent/disk",
            "disk 0 of the instance, /nonexistent/disk, is neither",
        ),
        ("DISK_0_ACCESS", "ro", "disk 0 of the instance is read-only"),
        ("DISK_COUNT", "2", "neither DISK_1_PATH nor DISK_1_URI"),
        ("DISK_COUNT", "0", "there is no disk"),
        ("INSTANCE_NAME", "", "INSTANCE_NAME is not set"),
    ] {
        let outcome = script.clone().with(name, value).run("create").unwrap();
        outcome.failed_with(&[words]);
    }
    scene.blank("disk", 32).unwrap();
    script
        .run("create")
        .unwrap()
        .failed_with(&["the image has 67108864 bytes"]);
}

/// What a monitor hears last of a `create` that fails.
fn heard(scene: &Scene, configuration: &str, changes: &[(&str, &str)]) -> String {
    let (monitor, lines) = (scene.path("monitor"), scene.path("lines"));
    fs::write(&monitor, format!("#!/bin/sh\ncat > {}\n", lines.display())).unwrap();
    fs::set_permissions(&monitor, fs::Permissions::from_mode(0o755)).unwrap();
    let monitor = format!("PROGRESS_MONITOR=\"{}\"\n", monitor.display());
    let script = valid(scene, &format!("{monitor}{configuration}"));
    let changed = changes
        .iter()
        .fold(script, |script, (name, value)| script.with(name, value));
    changed.run("create").unwrap().ended_with(1);
    let lines = fs::read_to_string(lines).unwrap();
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["type"], "image-error", "{lines}");
    let place = scene.directory().display().to_string();
    for of_the_node in [place.as_str(), "/etc/", "HELPER_", "/nonexistent"] {
        assert!(!lines.contains(of_the_node), "{of_the_node} in\n{lines}");
    }
    let messages = last["messages"].as_array().unwrap().iter();
    let messages: Vec<_> = messages.map(|message| message.as_str().unwrap()).collect();
    messages.join("\n")
}

#[test]
fn the_user_hears_what_is_wrong_with_his_request_and_nothing_of_the_node() {
    let Some(scene) = scene_with_disk() else {
        return;
    };
    let internal = "an internal fault stopped the installation";
    for (configuration, name, value, words) in [
        ("", "OSP_IMG_ID", "missing", "there is no image missing"),
        ("", "OSP_IMG_ID", "os", "there is no image os"),
        ("", "OSP_IMG_FORMAT", "floppy", "img_format: \"floppy\""),
        ("", "OS_VARIANT", "strange", "there is no OS variant"),
        ("", "OS_VARIANT", "listed", internal),
        ("", "DISK_0_PATH", "/nonexistent/disk", internal),
        ("HELPER_DIR=/nonexistent\n", "DEBUG_LEVEL", "1", internal),
        ("HELPER_MEMORY=$(free)\n", "DEBUG_LEVEL", "1", internal),
        ("QEMU=/nonexistent/qemu\n", "DEBUG_LEVEL", "1", internal),
    ] {
        let heard = heard(&scene, configuration, &[(name, value)]);
        assert!(heard.contains(words), "no {words:?} in {heard}");
    }
    scene.blank("disk", 32).unwrap();
    let small = heard(&scene, "", &[]);
    assert_eq!(
        small,
        "the image has 67108864 bytes and the disk only 33554432: use a larger disk"
    );
    fs::write(scene.path("image"), vec![9; 1 << 20]).unwrap();
    let broken = heard(&scene, "", &[]);
    assert!(broken.contains("no partition table"), "{broken}");
}

#[test]
fn create_says_what_is_wrong_with_the_node() {
    let Some(scene) = scene_with_disk() else {
        return;
    };
    valid(&scene, "HELPER_DIR=/nonexistent/helper\n")
        .run("create")
        .unwrap()
        .failed_with(&["/nonexistent/helper"]);
    valid(&scene, "HELPER_MEMORY=$(free)\n")
        .run("create")
        .unwrap()
        .failed_with(&["/etc/default/snf-image: line 3", "command substitution"]);
    let script = valid(
        &scene,
        "XEN_CMD=xl\nHELPER_COLOUR=red\nPROGRESS_MONITOR=/nonexistent/monitor\n",
    );
    fs::create_dir_all(scene.path("etc/snf-image/backends/src")).unwrap();
    let old = "etc/snf-image/backends/src/local.conf";
    scene.write(old, "IMAGE_DIR=/srv/images\n").unwrap();
    let outcome = script.run("create").unwrap();
    outcome.succeeded();
    for warning in [
        "/etc/snf-image/backends/src/local.conf: line 1: IMAGE_DIR has no effect",
        "line 3: XEN_CMD has no effect",
        "line 4: HELPER_COLOUR has no effect",
        "/nonexistent/monitor does not start",
    ] {
        assert!(
            outcome.stderr.contains(warning),
            "no {warning:?} in\n{}",
            outcome.stderr
        );
    }
}

#[test]
fn the_file_in_default_wins_and_debugging_shows_more() {
    let Some(scene) = scene_with_disk() else {
        return;
    };
    let other = "IMAGE_DIR=/nonexistent\nIMAGE_DEBUG=yes\nIMG_FORMAT=floppy\n";
    let run = |configuration: &str| {
        let script = valid(&scene, configuration).without("OSP_IMG_FORMAT");
        fs::create_dir(scene.path("etc/snf-image")).unwrap();
        scene.write("etc/snf-image/snf-image.conf", other).unwrap();
        script.run("create").unwrap()
    };
    // What the second file does not say stays as the first one has it.
    let details = run("IMG_FORMAT=diskdump\n");
    details.succeeded();
    assert!(details.stderr.contains("[DEBUG] "), "{}", details.stderr);
    let plain = run("IMG_FORMAT=diskdump\nIMAGE_DEBUG=no\n");
    plain.succeeded();
    assert!(!plain.stderr.contains("[DEBUG] "), "{}", plain.stderr);
    run("").failed_with(&["img_format: \"floppy\""]);
}

#[test]
fn a_failure_in_the_helper_ends_the_log_with_its_cause() {
    let Some(scene) = Scene::set() else { return };
    fs::write(scene.path("image"), vec![9; 1 << 20]).unwrap();
    scene.blank("disk", 2).unwrap();
    valid(&scene, "")
        .run("create")
        .unwrap()
        .failed_with(&["no partition table"]);
}

#[test]
fn every_value_is_shown_with_the_place_that_it_comes_from() {
    let Some(scene) = Scene::set() else { return };
    scene.write("config", "HELPER_MEMORY=300\nIMG_PASSWD=hunter2\nIMG_FORMAT='diskdump'\nVARIANTS_DIR=/nonexistent\n").unwrap();
    let outcome = Outcome::from(scene.snf_image().arg("config").output().unwrap());
    outcome.succeeded();
    let config = scene.path("config");
    for line in [
        format!("HELPER_MEMORY='300' # {}: line 1", config.display()),
        format!("IMG_PASSWD=(secret) # {}: line 2", config.display()),
        format!("IMG_FORMAT='diskdump' # {}: line 3", config.display()),
        "IMAGE_DIR='/var/lib/snf-image' # default".into(),
    ] {
        assert!(
            outcome.stdout.lines().any(|shown| shown == line),
            "no {line} in\n{}",
            outcome.stdout
        );
    }
    assert!(!outcome.stdout.contains("hunter2"));
    let wrong = scene
        .snf_image()
        .args(["config", "--variant", "x"])
        .output()
        .unwrap();
    Outcome::from(wrong).ended_with(2);
}
