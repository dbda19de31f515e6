//! Passwords and private keys show up nowhere but in the machine they are for.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;
use std::time::Duration;

use harness::{Deployment, Scene};
use snf_image_testkit::disk::MIB;
use snf_image_testkit::process::descendants;
use snf_image_testkit::tree;

const PASSWORD: &str = "Zq7-never-to-be-seen";
const HASH: &str = "$6$Zq7neverseen$QkzY1Nn3JbT";
/// Stands in the first line of every private key, in PEM and in the format of OpenSSH.
const PRIVATE: &str = " PRIVATE KEY-----";
/// How often the running processes are looked at.
const INTERVAL: Duration = Duration::from_millis(5);

fn contains(bytes: &[u8], secret: &str) -> bool {
    bytes
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

fn show_no(secrets: &[&str], place: &str, bytes: &[u8]) {
    for secret in secrets {
        assert!(!contains(bytes, secret), "{secret} in {place}");
    }
}

/// Everything that other processes and users could see of a running deployment.
fn look_around(deployment: u32, directory: &Path, secrets: &[&str]) -> usize {
    let mut processes = descendants(deployment);
    processes.push(deployment);
    for pid in &processes {
        for what in ["cmdline", "environ"] {
            let path = format!("/proc/{pid}/{what}");
            show_no(secrets, &path, &fs::read(&path).unwrap_or_default());
        }
    }
    for entry in fs::read_dir(directory.join("tmp")).unwrap().flatten() {
        show_no(
            secrets,
            "TMPDIR",
            &fs::read(entry.path()).unwrap_or_default(),
        );
    }
    processes.len()
}

fn deploy_and_watch(scene: &Scene, image: &Path, option: &str, secret: &str) {
    let file = scene.write("secret", format!("{secret}\n")).unwrap();
    let secrets = [secret, PRIVATE];
    let arguments = ["-vv", "--json", option, file.to_str().unwrap()];
    let mut command = scene.deployment(image, "disk", arguments);
    let watch = scene.watch().unwrap();
    let deployment = Deployment::start(&mut command).unwrap();
    let mut most = 0;
    while deployment.runs_after(INTERVAL).unwrap() {
        most = most.max(look_around(deployment.id(), scene.directory(), &secrets));
    }
    // The program itself, the launcher and QEMU were all seen.
    assert!(most >= 3, "{most}");
    let outcome = deployment.end().unwrap();
    outcome.succeeded();
    // With -vv the console of the helper is in it.
    assert!(outcome.stderr.contains("HELPER: "), "{}", outcome.stderr);
    show_no(&secrets, "standard output", outcome.stdout.as_bytes());
    show_no(&secrets, "standard error", outcome.stderr.as_bytes());
    let disk = format!("file: {}", scene.path("disk").display());
    assert_eq!(watch.leftovers().unwrap(), [disk]);
}

#[test]
fn a_password_is_seen_nowhere_and_is_not_on_the_disk() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    deploy_and_watch(&scene, &image, "--password-file", PASSWORD);
    let disk = fs::read(scene.path("disk")).unwrap();
    assert_eq!(u64::try_from(disk.len()).unwrap(), 64 * MIB);
    assert!(!contains(&disk, PASSWORD));
    // Nothing of what was handed over stays but what the system needs.
    let shadow = scene.root_of("disk").unwrap().text("/etc/shadow").unwrap();
    assert!(shadow.starts_with("root:$6$"), "{shadow}");
}

#[test]
fn a_hash_is_seen_nowhere_but_in_shadow() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    deploy_and_watch(&scene, &image, "--password-hash-file", HASH);
    let root = scene.root_of("disk").unwrap();
    let shadow = root.text("/etc/shadow").unwrap();
    assert!(shadow.starts_with(&format!("root:{HASH}:")), "{shadow}");
    // No copy lies beside it, whatever it is called.
    let names = root.list("/etc").unwrap();
    let copies: Vec<_> = names
        .iter()
        .filter(|name| name.contains("shadow"))
        .collect();
    assert_eq!(copies, ["shadow"]);
}
