//! Tests of scripts for the first boot.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use snf_image_protocol::{Parameters, Properties};

use super::*;
use crate::guest::testing::{Image, nothing};

const CONTENT: &str = "#!/bin/sh\necho ran >> hunter2\nexit 3\n";
const SERVICE: &str = "/etc/init.d/snf-image-first-boot";

fn with_script(script: &str) -> Parameters {
    let pair = ("FIRST_BOOT_SCRIPT".to_owned(), STANDARD.encode(script));
    Parameters {
        properties: Properties::new([pair]).unwrap(),
        ..nothing()
    }
}

/// With this program for its services, and sh.
fn system(program: &str) -> Image {
    let image = Image::debian();
    image.file("/bin/sh", "").file(program, "");
    image
}

fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn without_a_script_nothing_happens() {
    let image = system("/lib/systemd/systemd");
    let before = image.everything();
    assert!(matches!(image.run(run, &nothing()).0, Ok(Done::Skipped(_))));
    assert_eq!(image.everything(), before);
}

#[test]
fn systemd_gets_a_unit_that_it_finds_no_fault_with() {
    let image = system("/usr/lib/systemd/systemd");
    for _ in 0..2 {
        image.run(run, &with_script(CONTENT)).0.unwrap();
    }
    assert_eq!(image.text(SCRIPT), CONTENT);
    assert_eq!(image.attributes(SCRIPT), (0, 0, 0o700));
    let unit = "/etc/systemd/system/snf-image-first-boot.service";
    let wanted =
        image.path("/etc/systemd/system/multi-user.target.wants/snf-image-first-boot.service");
    assert_eq!(fs::read_link(wanted).unwrap(), Path::new(unit));
    assert!(!image.text(unit).contains("hunter2"));
    // The programs that it starts are looked for on this machine.
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    fs::write(&script, "#!/bin/sh\n").unwrap();
    executable(&script);
    let file = directory.path().join("snf-image-first-boot.service");
    fs::write(
        &file,
        image.text(unit).replace(SCRIPT, script.to_str().unwrap()),
    )
    .unwrap();
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let of_ours: Vec<_> = said
        .lines()
        .filter(|line| line.contains("first-boot"))
        .collect();
    assert!(of_ours.is_empty() && output.status.success(), "{said}");
}

#[test]
fn systemd_that_does_not_start_the_system_is_not_asked_and_a_link_stays_one() {
    let image = system("/lib/systemd/systemd");
    image
        .file("/sbin/init", "another one")
        .file("/etc/rc.d/rc.local", "#!/bin/sh\n")
        .link("/etc/rc.local", "rc.d/rc.local");
    executable(&image.path("/etc/rc.d/rc.local"));
    image.run(run, &with_script(CONTENT)).0.unwrap();
    let line = image.text("/etc/rc.d/rc.local");
    assert!(
        line.contains("snf-image-first-boot/d' /etc/rc.d/rc.local"),
        "{line}"
    );
    assert!(image.path("/etc/rc.local").is_symlink());
    let unit = "/etc/systemd/system/snf-image-first-boot.service";
    assert!(!image.path(unit).exists());
    image
        .link("/etc/alternatives/init", "../../lib/systemd/systemd")
        .link("/sbin/init", "/etc/alternatives/init");
    image.run(run, &with_script(CONTENT)).0.unwrap();
    assert!(image.path(unit).exists());
}

#[test]
fn a_service_of_openrc_runs_the_script_once_and_removes_all() {
    let image = system("/sbin/openrc-run");
    image.run(run, &with_script(CONTENT)).0.unwrap();
    assert_eq!(image.attributes(SERVICE), (0, 0, 0o755));
    let started = "/etc/runlevels/default/snf-image-first-boot";
    assert!(image.path(started).is_symlink());
    // What openrc-run does, in short: it reads the file and calls the function.
    let top = image.path("/");
    let top = top.to_str().unwrap().trim_end_matches('/');
    let service = image.text(SERVICE);
    let service = ["/usr/local", "/etc/"].iter().fold(service, |text, part| {
        text.replace(part, &format!("{top}{part}"))
    });
    let calls = "ebegin() { :; }\neend() { return $1; }\n";
    let output = Command::new("sh")
        .args(["-c", &format!("{calls}{service}\nstart")])
        .current_dir(top)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(image.text("/hunter2"), "ran\n");
    for path in [SCRIPT, SERVICE, started] {
        assert!(
            !image.path(path).exists() && !image.path(path).is_symlink(),
            "{path}"
        );
    }
}

#[test]
fn rc_local_runs_the_script_once_and_forgets_it() {
    for file in [
        "/etc/rc.local",
        "/etc/rc.d/rc.local",
        "/etc/init.d/boot.local",
    ] {
        let before = "#!/bin/sh -e\necho own >> hunter2\nexit 0\n";
        let image = system(file);
        image.file(file, before);
        executable(&image.path(file));
        image.run(run, &with_script(CONTENT)).0.unwrap();
        assert_eq!(image.attributes(file).2, 0o755);
        let top = image.path("/");
        let top = top.to_str().unwrap().trim_end_matches('/');
        let content = image.text(file).replace(SCRIPT, &format!("{top}{SCRIPT}"));
        fs::write(
            image.path(file),
            content.replace(" /etc/", &format!(" {top}/etc/")),
        )
        .unwrap();
        for _ in 0..2 {
            let status = Command::new(image.path(file)).current_dir(top).status();
            assert!(status.unwrap().success());
        }
        assert_eq!(image.text("/hunter2"), "ran\nown\nown\n");
        assert_eq!(image.text(file), before);
        assert!(!image.path(SCRIPT).exists());
    }
}

#[test]
fn what_could_not_run_is_refused() {
    let failure = |image: &Image, script: &str| {
        let before = image.everything();
        let error = image
            .run(run, &with_script(script))
            .0
            .unwrap_err()
            .to_string();
        assert_eq!(image.everything(), before);
        error
    };
    let image = system("/lib/systemd/systemd");
    for script in [
        "#!/usr/bin/python3\n",
        "#!sh\n",
        "#!\n",
        "#! \n",
        "#!/bin/../../x y",
    ] {
        assert!(failure(&image, script).contains("interpreter"), "{script}");
    }
    let image = system("/etc/rc.local");
    assert!(failure(&image, CONTENT).contains("not executable"));
    fs::remove_file(image.path("/etc/rc.local")).unwrap();
    assert!(failure(&image, CONTENT).contains("neither systemd nor OpenRC"));
}

#[test]
fn no_link_leads_the_script_out_of_the_image() {
    for path in ["/usr/local/sbin", SCRIPT, "/etc/systemd/system"] {
        let image = system("/lib/systemd/systemd");
        image.link(path, "/beside/outside/passwd");
        // The run itself checks that nothing outside changes.
        assert!(image.run(run, &with_script(CONTENT)).0.is_err(), "{path}");
    }
}
