//! Small images of the supported families, read afterwards with tools that are not ours.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use anyhow::Result;
use harness::Scene;
use snf_image_testkit::disk::{MIB, gpt_problems};
use snf_image_testkit::ext::Ext;
use snf_image_testkit::tree;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINLWYIpcT2GaIkbA9uPn6Q7rJ4m1hZ0c3tTqk0D0aBcd admin";

/// Deploys with everything that a person can ask for.
fn deploy_everything(scene: &Scene, image: &Path, target: &str) -> Result<Ext> {
    let password = scene.write("password", "correct horse battery\n")?;
    let key = scene.write("key.pub", format!("{KEY}\n"))?;
    let file = scene.write("file", "content\n")?;
    let injection = format!("{}:/srv/new/file:user:root:0640", file.display());
    let arguments = ["--size", "160M", "--hostname", "web.example.org"].map(String::from);
    let files = [
        ("--password-file", password.display().to_string()),
        ("--ssh-key", key.display().to_string()),
        ("--property", "USERS=root user".to_owned()),
        ("--inject", injection),
    ];
    let files = files.map(|(option, value)| [option.to_owned(), value]);
    scene
        .deploy(
            image,
            target,
            arguments.into_iter().chain(files.into_iter().flatten()),
        )?
        .succeeded();
    scene.root_of(target)
}

/// The password hash of a user.
fn hash(root: &Ext, user: &str) -> Result<String> {
    let shadow = root.text("/etc/shadow")?;
    let line = shadow
        .lines()
        .find(|line| line.starts_with(&format!("{user}:")));
    let field = line.and_then(|line| line.split(':').nth(1));
    Ok(field.unwrap_or_default().to_owned())
}

#[test]
fn a_debian_image_becomes_a_machine_of_its_own() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let before = scene.root_of("image").unwrap();
    let root = deploy_everything(&scene, &image, "disk").unwrap();

    assert_eq!(gpt_problems(&scene.path("disk")).unwrap(), "");
    assert_eq!(root.problems().unwrap(), "");
    assert!(root.size().unwrap() > 157 * MIB, "{}", root.size().unwrap());

    assert_eq!(root.text("/etc/hostname").unwrap(), "web.example.org\n");
    assert!(root.text("/etc/hosts").unwrap().contains("web.example.org"));
    for user in ["root", "user"] {
        assert!(hash(&root, user).unwrap().starts_with('$'));
    }
    assert_eq!(hash(&root, "daemon").unwrap(), "*");
    assert_eq!(root.stat("/etc/shadow").unwrap(), {
        let mut stat = before.stat("/etc/shadow").unwrap();
        stat.size = root.stat("/etc/shadow").unwrap().size;
        stat
    });
    for (home, owner) in [("/root", 0), ("/home/user", 1000)] {
        let keys = format!("{home}/.ssh/authorized_keys");
        assert_eq!(root.text(&keys).unwrap().trim(), KEY);
        let stat = root.stat(&keys).unwrap();
        assert_eq!((stat.uid, stat.gid, stat.mode), (owner, owner, 0o600));
    }
    for changed in ["/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key"] {
        assert_ne!(root.text(changed).unwrap(), before.text(changed).unwrap());
    }
    assert_eq!(
        root.stat("/etc/ssh/ssh_host_ed25519_key").unwrap().mode,
        0o600
    );
    assert_eq!(root.text("/srv/new/file").unwrap(), "content\n");
    let stat = root.stat("/srv/new/file").unwrap();
    assert_eq!((stat.uid, stat.gid, stat.mode), (1000, 0, 0o640));
}

#[test]
fn a_red_hat_image_becomes_a_machine_of_its_own() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::red_hat).unwrap();
    let root = deploy_everything(&scene, &image, "disk").unwrap();
    assert_eq!(root.problems().unwrap(), "");
    assert_eq!(root.text("/etc/hostname").unwrap(), "web.example.org\n");
    assert!(hash(&root, "user").unwrap().starts_with('$'));
    assert_eq!(root.stat("/etc/shadow").unwrap().mode, 0);
}

#[test]
fn two_machines_from_one_image_share_no_secret() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(tree::debian).unwrap();
    let one = deploy_everything(&scene, &image, "one").unwrap();
    let other = deploy_everything(&scene, &image, "other").unwrap();
    for name in [
        "/etc/machine-id",
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/ssh/ssh_host_ed25519_key.pub",
    ] {
        assert_ne!(one.text(name).unwrap(), other.text(name).unwrap(), "{name}");
    }
    assert_ne!(hash(&one, "root").unwrap(), hash(&other, "root").unwrap());
    assert_ne!(hash(&one, "root").unwrap(), hash(&one, "user").unwrap());
}
