//! Wrong usage and input: refused with exit code 2, one line that says why, and nothing touched.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use harness::{Deployment, Original, Scene};
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree;

/// Every case is refused before anybody looks into the image.
const IMAGE: &str = "some image";
const MIB: usize = 1 << 20;

/// A scene with an image of 1 MiB and a target of 2 MiB that is full of something.
fn scene() -> Option<Scene> {
    let scene = Scene::set()?;
    scene
        .write("image", &IMAGE.repeat(MIB).as_bytes()[..MIB])
        .unwrap();
    scene.write("target", "old ".repeat(MIB / 2)).unwrap();
    Some(scene)
}

/// `snf-image deploy` with these words, each an argument.
fn deploy(scene: &Scene, words: &str) -> Command {
    let mut command = scene.snf_image();
    command.arg("deploy").args(words.split(' '));
    command
}

/// Every one of these deployments is refused with these words and changes nothing.
fn all_are_refused(scene: &Scene, cases: &[(&str, &[&str])]) {
    let target = Original::of(&scene.path("target")).unwrap();
    let image = Original::of(&scene.path("image")).unwrap();
    for (arguments, words) in cases {
        scene.fails(&mut deploy(scene, arguments), 2, words);
        target.is_untouched();
        image.is_untouched();
    }
}

/// The same for arguments that follow those of `base`.
fn all_are_refused_after(base: &str, scene: &Scene, cases: &[(&str, &[&str])]) {
    let whole = |arguments: &str| format!("{base} {arguments}");
    let lines: Vec<_> = cases
        .iter()
        .map(|(arguments, _)| whole(arguments))
        .collect();
    let words = cases.iter().map(|(_, words)| *words);
    let cases: Vec<_> = lines.iter().map(String::as_str).zip(words).collect();
    all_are_refused(scene, &cases);
}

#[test]
fn what_is_no_image_is_refused() {
    let Some(scene) = scene() else { return };
    scene.write("empty", "").unwrap();
    fs::create_dir(scene.path("folder")).unwrap();
    Tool::new("mkfifo").arg(scene.path("fifo")).run().unwrap();
    all_are_refused(
        &scene,
        &[
            (
                "--image none --target target",
                &["image none", "does not exist"],
            ),
            ("--image empty --target target", &["image empty is empty"]),
            (
                "--image folder --target target",
                &["image folder is a directory"],
            ),
            ("--image fifo --target target", &["image fifo is a", "pipe"]),
            (
                "--image /dev/zero --target target",
                &["image /dev/zero is a character device"],
            ),
            (
                "--image none --target new",
                &["image none", "does not exist"],
            ),
        ],
    );
}

#[test]
fn a_target_that_cannot_hold_the_image_is_refused_untouched() {
    let Some(scene) = scene() else { return };
    fs::create_dir(scene.path("folder")).unwrap();
    let sector_less = MIB - 512;
    scene.write("short", vec![b'x'; sector_less]).unwrap();
    let short = Original::of(&scene.path("short")).unwrap();
    let new = format!("--image image --target new --size {sector_less}");
    let sizes = [MIB.to_string(), sector_less.to_string()];
    let sizes: Vec<&str> = sizes.iter().map(String::as_str).collect();
    all_are_refused(
        &scene,
        &[
            (
                "--image image --target short",
                &["target short", sizes[0], sizes[1]],
            ),
            (&new, &["target new", sizes[0], sizes[1]]),
            (
                "--image image --target target --size 1M",
                &["target target", "never made smaller"],
            ),
            (
                "--image image --target target --size 2097153",
                &["multiple of 512"],
            ),
            (
                "--image image --target folder",
                &["target folder is a directory"],
            ),
            ("--image image --target none/new", &["none/new"]),
            (
                "--image image --target /dev/null",
                &["target /dev/null is a character device"],
            ),
            ("--image image --target image", &["image"]),
        ],
    );
    short.is_untouched();
}

#[test]
fn a_file_to_inject_needs_an_absolute_path_in_the_image() {
    let Some(scene) = scene() else { return };
    scene.write("file", "content").unwrap();
    scene
        .write("broken.json", "[{\"path\": \"/a\",\n  \"contents\": }]")
        .unwrap();
    scene
        .write("relative.json", r#"[{"path": "a", "contents": ""}]"#)
        .unwrap();
    scene
        .write(
            "up.json",
            r#"[{"path": "/ok", "contents": ""}, {"path": "/a/../../b", "contents": ""}]"#,
        )
        .unwrap();
    scene
        .write("base64.json", r#"[{"path": "/a", "contents": "?"}]"#)
        .unwrap();
    scene
        .write(
            "mode.json",
            r#"[{"path": "/a", "contents": "", "mode": "999"}]"#,
        )
        .unwrap();
    let base = "--image image --target target";
    let cases: [(&str, &[&str]); 11] = [
        (
            "--personality broken.json",
            &["broken.json", "line 2 column"],
        ),
        ("--personality relative.json", &["entry 1 (a)", "absolute"]),
        ("--personality up.json", &["entry 2 (/a/../../b)", ".."]),
        ("--personality base64.json", &["entry 1 (/a)", "base64"]),
        ("--personality mode.json", &["entry 1 (/a)", "mode"]),
        ("--personality none.json", &["none.json", "No such file"]),
        ("--inject file:etc/motd", &["etc/motd", "absolute"]),
        ("--inject file:/etc/../../motd", &["/etc/../../motd", ".."]),
        ("--inject file", &["file", "LOCAL:GUEST"]),
        ("--inject none:/etc/motd", &["none", "No such file"]),
        ("--inject file:/etc/motd:root:root:999", &["999"]),
    ];
    all_are_refused_after(base, &scene, &cases);
}

#[test]
fn a_credential_of_the_wrong_form_is_refused_and_never_shown() {
    let Some(scene) = scene() else { return };
    for (name, content) in [
        ("newline", &b"hunter2\nmore\n"[..]),
        ("nul", b"hunter2\0\n"),
        ("empty", b""),
        ("colon", b"$6$hunter2$a:b\n"),
        ("key", b"-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n"),
        ("nokey", b"hunter2\n"),
        ("fine", b"hunter2\n"),
    ] {
        scene.write(name, content).unwrap();
    }
    let target = Original::of(&scene.path("target")).unwrap();
    let cases: [(&str, &[&str]); 8] = [
        (
            "--password-file newline",
            &["password file newline", "one line"],
        ),
        ("--password-file nul", &["password file nul", "NUL"]),
        ("--password-file empty", &["password file empty is empty"]),
        (
            "--password-file none",
            &["password file", "none", "No such file"],
        ),
        (
            "--password-hash-file colon",
            &["file colon", "hash", "colon or space"],
        ),
        ("--password-hash-file empty", &["empty"]),
        ("--ssh-key key", &["key holds a private key", ".pub"]),
        ("--ssh-key nokey", &["nokey: line 1"]),
    ];
    for (arguments, words) in cases {
        let arguments = format!("--image image --target target {arguments}");
        for more in ["", " --json -vv"] {
            let mut command = deploy(&scene, &format!("{arguments}{more}"));
            let outcome = scene.fails(&mut command, 2, words);
            assert!(!format!("{outcome:?}").contains("hunter2"), "{outcome:?}");
        }
    }
    target.is_untouched();
}

#[test]
fn a_value_that_means_nothing_is_refused() {
    let Some(scene) = scene() else { return };
    let base = "--image image --target target";
    let long = format!("--hostname {}", "a".repeat(65));
    let cases: [(&str, &[&str]); 12] = [
        (
            "--nic mac=52:54:00:12:34:56,slaac --property MTU=1000",
            &["network interface 0", "1000"],
        ),
        ("--property NOVALUE", &["NOVALUE", "KEY=VALUE"]),
        ("--property 1=a", &["property name", "1"]),
        ("--property OSFAMILY=beos", &["OSFAMILY=beos", "linux"]),
        ("--property SWAP=a", &["SWAP=a"]),
        (
            "--property ROOT_PARTITION=0",
            &["ROOT_PARTITION=0", "1 to 128"],
        ),
        ("--property USERS=a:b", &["USERS=a:b"]),
        (
            "--property PASSWD_HASHING_METHOD=rot13",
            &["PASSWD_HASHING_METHOD=rot13"],
        ),
        ("--hostname a_b", &["a_b"]),
        ("--hostname a..b", &["a..b"]),
        (&long, &["64 bytes"]),
        ("--hostname a/../b --property SWAP=a", &["a/../b", "SWAP=a"]),
    ];
    all_are_refused_after(base, &scene, &cases);
}

#[test]
fn wrong_usage_names_the_option() {
    let Some(scene) = scene() else { return };
    scene.write("file", "hunter2\n").unwrap();
    let watch = scene.watch().unwrap();
    let target = Original::of(&scene.path("target")).unwrap();
    for (arguments, word) in [
        ("--image image --target target --frobnicate", "--frobnicate"),
        ("--target target", "--image"),
        ("--image image --target target --size big", "--size"),
        ("--image image --target target --format vmdk9", "--format"),
        ("--image image --target target --nic dhcp", "mac=52:54:00"),
        (
            "--image image --target target --nic mac=52:54:00:12:34:56,address=192.0.2.5/24,dhcp",
            "comes too late",
        ),
        (
            "--image image --target target --password-file file --password-hash-file file",
            "--password-hash-file",
        ),
    ] {
        let outcome = Deployment::start(&mut deploy(&scene, arguments))
            .unwrap()
            .end()
            .unwrap();
        outcome.ended_with(2).steers_no_terminal();
        // The option and, below it, how it is used.
        let said = outcome.stderr.split("Usage:").next().unwrap();
        assert!(said.contains(word), "{}", outcome.stderr);
    }
    target.is_untouched();
    assert_eq!(watch.leftovers().unwrap(), Vec::<String>::new());
}

#[test]
fn a_configuration_is_data_and_its_faults_have_a_line() {
    let Some(scene) = scene() else { return };
    let mut command = deploy(&scene, "--image image --target target");
    for (text, words) in [
        (
            "# fine\nQEMU=$(touch pwned)\n",
            &["config", "line 3", "command substitution"][..],
        ),
        (
            "QEMU=`touch pwned`\n",
            &["config", "line 2", "command substitution"],
        ),
        ("HELPER_MEMORY=512; touch pwned\n", &["config", "line 2"]),
        (
            "\nHELPER_ACCEL=xen\n",
            &["config", "line 3", "HELPER_ACCEL", "auto, kvm"],
        ),
        ("HELPER_USER=root\n", &["config", "line 2", "HELPER_USER"]),
    ] {
        scene.configure(text).unwrap();
        scene.fails(&mut command, 2, words);
    }
    scene.configure("").unwrap();
    fs::set_permissions(scene.path("config"), Permissions::from_mode(0o666)).unwrap();
    scene.fails(&mut command, 2, &["config", "could be changed by others"]);
    fs::remove_file(scene.path("config")).unwrap();
    scene.fails(&mut command, 2, &["config", "No such file"]);
}

#[test]
fn names_that_would_steer_a_terminal_are_shown_escaped() {
    let Some(scene) = scene() else { return };
    let evil = "evil\u{1b}[2J\u{9b}31m\nSUCCESS";
    let json = scene.write(&format!("json{evil}"), "{").unwrap();
    for (option, value) in [
        ("--image", evil.to_owned()),
        ("--target", format!("none/{evil}")),
        ("--property", evil.to_owned()),
        ("--property", format!("SWAP={evil}")),
        ("--hostname", evil.to_owned()),
        ("--inject", format!("{evil}:/a")),
        ("--inject", format!("image:/a{evil}")),
        ("--ssh-key", evil.to_owned()),
        ("--personality", json.display().to_string()),
    ] {
        let mut command = scene.snf_image();
        command.arg("deploy");
        for (usual, own) in [("--image", "image"), ("--target", "target")] {
            if option != usual {
                command.args([usual, own]);
            }
        }
        let outcome = scene.fails(command.args([option, &value]), 2, &["evil"]);
        assert_eq!(outcome.stdout, "");
        scene.fails(command.arg("--json"), 2, &["evil"]);
    }
}

#[test]
fn a_second_deployment_onto_the_same_target_is_refused_at_once() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let disk = File::create(scene.path("disk")).unwrap();
    disk.set_len(64 << 20).unwrap();
    let mut first = Deployment::start(&mut scene.deployment(&image, "disk", ["--json"])).unwrap();
    first.wait_for_line("starting the helper VM").unwrap();
    let second = scene
        .deployment(&image, "disk", ["--json"])
        .output()
        .unwrap();
    let second = harness::Outcome::from(second);
    second.ended_with(2).gave_one_reason(&["disk", "locked"]);
    // The first one is not even ready to customise.
    assert!(first.runs_after(std::time::Duration::ZERO).unwrap());
    first.end().unwrap().succeeded();
    assert_eq!(scene.root_of("disk").unwrap().problems().unwrap(), "");
}

#[test]
fn the_image_itself_is_no_target() {
    let Some(scene) = scene() else { return };
    fs::hard_link(scene.path("image"), scene.path("link")).unwrap();
    all_are_refused(
        &scene,
        &[(
            "--image image --target link",
            &["link", "image and target are the same file"],
        )],
    );
}
