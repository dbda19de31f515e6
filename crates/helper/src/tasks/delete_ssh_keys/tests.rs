//! Tests of replacing SSH host keys.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::unix::fs::{PermissionsExt, chown};

use snf_image_protocol::{Parameters, Secret};

use super::*;
use crate::guest::testing::{Image, nothing};

fn keys() -> Parameters {
    let key = |algorithm: &str| HostKey {
        algorithm: algorithm.into(),
        private: Secret::new(format!("private {algorithm}")),
        public: format!("public {algorithm}\n"),
    };
    Parameters {
        host_keys: ["rsa", "ecdsa", "ed25519"].map(key).to_vec(),
        ..nothing()
    }
}

fn names(image: &Image) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(image.path(DIRECTORY))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_types_that_the_image_had_are_replaced_and_the_rest_is_deleted() {
    let image = Image::empty();
    for name in [
        "sshd_config",
        "ssh_host_ed25519_key",
        "ssh_host_ed25519_key.pub",
        "ssh_host_rsa_key",
        "ssh_host_rsa_key-cert.pub",
        "ssh_host_dsa_key",
        "ssh_host_dsa_key.pub",
    ] {
        image.file(&format!("{DIRECTORY}/{name}"), "");
    }
    assert_eq!(image.run(run, &keys()).0.unwrap(), Done::Yes);
    insta::assert_debug_snapshot!(names(&image), @r#"
    [
        "ssh_host_ed25519_key",
        "ssh_host_ed25519_key.pub",
        "ssh_host_rsa_key",
        "ssh_host_rsa_key.pub",
        "sshd_config",
    ]
    "#);
    assert_eq!(image.text("/etc/ssh/ssh_host_rsa_key"), "private rsa\n");
    assert_eq!(image.text("/etc/ssh/ssh_host_rsa_key.pub"), "public rsa\n");
    assert_eq!(image.attributes("/etc/ssh/ssh_host_rsa_key"), (0, 0, 0o600));
    assert_eq!(
        image.attributes("/etc/ssh/ssh_host_rsa_key.pub"),
        (0, 0, 0o644)
    );
}

#[test]
fn a_server_without_keys_gets_all() {
    let image = Image::empty();
    image.file("/etc/ssh/sshd_config", "PermitRootLogin no\n");
    image.run(run, &keys()).0.unwrap();
    assert_eq!(names(&image).len(), 7);
    let image = Image::empty();
    image.file("/usr/sbin/sshd", "");
    image.run(run, &keys()).0.unwrap();
    assert_eq!(names(&image).len(), 6);
}

#[test]
fn keys_that_the_configuration_names_are_replaced_there() {
    let image = Image::empty();
    image
        .file(
            "/etc/ssh/sshd_config",
            "HostKey /srv/a\nHostKey /srv/new/ed25519\nHostKey /srv/dsa\nHostKey /srv/b\n",
        )
        .file("/srv/a", "-----BEGIN RSA PRIVATE KEY-----\n")
        .file("/srv/dsa", "-----BEGIN DSA PRIVATE KEY-----\n")
        .file("/srv/dsa.pub", "ssh-dss\n");
    image.run(run, &keys()).0.unwrap();
    assert_eq!(image.text("/srv/a"), "private rsa\n");
    assert_eq!(image.text("/srv/a.pub"), "public rsa\n");
    assert_eq!(image.text("/srv/new/ed25519"), "private ed25519\n");
    assert_eq!(image.text("/srv/b"), "private ed25519\n");
    assert!(!image.path("/srv/dsa").exists());
    assert!(!image.path("/srv/dsa.pub").exists());
    assert_eq!(names(&image), ["sshd_config"]);
}

#[test]
fn the_group_of_keys_on_red_hat_stays() {
    let image = Image::empty();
    let key = "/etc/ssh/ssh_host_rsa_key";
    image
        .file(key, "")
        .file("/etc/group", "root:x:0:\nssh_keys:x:998:\n");
    for (group, mode, expected) in [
        (998, 0o640, (0, 998, 0o640)),
        (998, 0o644, (0, 0, 0o600)),
        (5, 0o640, (0, 0, 0o600)),
    ] {
        chown(image.path(key), Some(0), Some(group)).unwrap();
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(image.path(key), permissions).unwrap();
        image.run(run, &keys()).0.unwrap();
        assert_eq!(image.attributes(key), expected);
    }
}

#[test]
fn an_image_without_a_server_is_left_alone() {
    let image = Image::debian();
    image.file("/etc/ssh/ssh_config", "");
    let before = image.everything();
    assert!(matches!(image.run(run, &keys()).0, Ok(Done::Skipped(_))));
    assert_eq!(image.everything(), before);
}

#[test]
fn without_new_keys_the_old_ones_go_and_that_is_said() {
    let image = Image::empty();
    image.file("/etc/ssh/ssh_host_rsa_key", "");
    let (done, warnings) = image.run(run, &nothing());
    assert_eq!(done.unwrap(), Done::Yes);
    assert_eq!(warnings.len(), 1);
    assert!(names(&image).is_empty());
}

#[test]
fn links_and_odd_paths_stay_inside_the_image() {
    let image = Image::empty();
    let outside = image.outside("shadow");
    image
        .file(
            "/etc/ssh/sshd_config",
            format!("HostKey ../../../../../..{outside}\nHostKey {outside}\n"),
        )
        .link("/etc/ssh/ssh_host_dsa_key", &image.outside("passwd"))
        .link(
            "/etc/ssh/ssh_host_dsa_key.pub",
            &format!("../../../../../../../..{}", image.outside("hostname")),
        );
    image.run(run, &keys()).0.unwrap();
    assert!(!image.path("/etc/ssh/ssh_host_dsa_key").is_symlink());
    // The configured places exist inside the image now.
    assert!(image.path(&outside).exists());

    let image = Image::empty();
    image.link("/etc/ssh/ssh_host_rsa_key", &outside);
    assert!(image.run(run, &keys()).0.is_err());
}

#[test]
fn a_link_to_another_key_in_the_image_does_not_save_it() {
    let image = Image::empty();
    image
        .file("/srv/dsa", "old")
        .link("/etc/ssh/ssh_host_dsa_key", "../../srv/dsa");
    image.run(run, &keys()).0.unwrap();
    assert!(!image.path("/srv/dsa").exists());
    assert!(!image.path("/etc/ssh/ssh_host_dsa_key").is_symlink());
}

#[test]
fn what_is_no_regular_file_is_refused() {
    for path in [
        "/etc/ssh/ssh_host_rsa_key",
        "/etc/ssh/sshd_config",
        "/srv/key",
        "/etc/ssh",
    ] {
        let image = Image::empty();
        if path != "/etc/ssh" {
            image.file("/etc/ssh/sshd_config", "HostKey /srv/key\n");
        }
        image.fifo(path);
        let error = image.run(run, &keys()).0.unwrap_err().to_string();
        assert!(error.contains("a FIFO"), "{path}: {error}");
    }
}
