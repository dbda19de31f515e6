//! Programs that come with the request or with the image: they work on the image, and reach
//! nothing else.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;
use harness::Scene;
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree;

const CONFINED: &str = include_str!("confined_task.c");

#[test]
fn a_program_of_the_request_changes_the_image_and_reaches_nothing_else() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    scene.write("password", "hunter2 and more\n").unwrap();
    Tool::new("cc")
        .args(["-static", "-O1", "-Wall", "-Werror", "-x", "c", "-", "-o"])
        .arg(scene.path("task"))
        .input(CONFINED)
        .run()
        .unwrap();
    let outcome = scene
        .deploy(
            &image,
            "disk",
            ["--custom-task=task", "--password-file=password", "-vv"],
        )
        .unwrap();
    assert!(!outcome.stderr.contains("REACHED"), "{}", outcome.stderr);
    outcome.succeeded().steers_no_terminal();
    assert!(outcome.stderr.contains("trust this deployment no further"));
    assert!(!outcome.stderr.contains("hunter2"));
    let root = scene.root_of("disk").unwrap();
    assert_eq!(root.text("/etc/by-the-task").unwrap(), "done\n");
    let found = root.stat("/etc/by-the-task").unwrap();
    assert_eq!((found.uid, found.gid), (1234, 5678));
    assert_eq!(root.problems().unwrap(), "");
}

/// Puts a script in place of a task.
fn replace(root: &Path, task: &str, script: &str) -> Result<()> {
    let directory = root.join("root/snf-image/helper");
    fs::create_dir_all(&directory)?;
    let file = directory.join(format!("overwrite_task_{task}"));
    fs::write(&file, format!("#!/bin/sh\n{script}\n"))?;
    Ok(fs::set_permissions(
        file,
        fs::Permissions::from_mode(0o755),
    )?)
}

#[test]
fn programs_of_an_image_replace_tasks_where_that_is_permitted() {
    let Some(scene) = Scene::set() else { return };
    let image = scene
        .small_image(|root| {
            tree::debian(root)?;
            replace(
                root,
                "AssignHostname",
                "echo mine > $SNF_IMAGE_TARGET/etc/hostname",
            )?;
            // Around the built-in task, and with the usual tools.
            replace(
                root,
                "configurenetwork",
                "echo $1 $SNF_IMAGE_PROPERTY_USERS | tr a-z A-Z >> $SNF_IMAGE_TARGET/etc/order\n\
                 test $1 = post-exec || exit 101",
            )
        })
        .unwrap();
    let arguments = ["--hostname=web.example.org", "--property=USERS=root"];
    let deploy = |more: &[&str]| {
        let outcome = scene
            .deploy(&image, "disk", arguments.iter().chain(more))
            .unwrap();
        outcome.succeeded();
        scene.root_of("disk").unwrap()
    };
    let root = deploy(&[]);
    assert_eq!(root.text("/etc/hostname").unwrap(), "web.example.org\n");
    assert!(root.text("/etc/order").is_err());
    fs::remove_file(scene.path("disk")).unwrap();
    let root = deploy(&["--property=ALLOW_MOUNTED_TASK_OVERWRITING=yes"]);
    assert_eq!(root.text("/etc/hostname").unwrap(), "mine\n");
    assert_eq!(
        root.text("/etc/order").unwrap(),
        "PRE-EXEC ROOT\nPOST-EXEC ROOT\n"
    );
}

#[test]
fn a_program_that_fails_or_never_ends_fails_the_deployment() {
    let Some(scene) = Scene::set() else { return };
    scene
        .configure("HELPER_SOFT_TIMEOUT=4\nHELPER_HARD_TIMEOUT=1\n")
        .unwrap();
    let image = scene.small_image(tree::debian).unwrap();
    for (script, words) in [
        (
            "echo SUCCESS\necho no licence >&2\nexit 7",
            &["CUSTOM_TASK", "no licence"][..],
        ),
        (
            "trap '' TERM\nwhile :; do sleep 9 & done",
            &["did not finish within 4 s"],
        ),
    ] {
        scene
            .write("task", format!("#!/bin/sh\n{script}\n"))
            .unwrap();
        scene.fails(
            &mut scene.deployment(&image, "disk", ["--custom-task=task"]),
            1,
            words,
        );
    }
}
