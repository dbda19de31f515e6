//! Where keys come, and what is said of those whom they do not let in.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Parameters;

use super::super::run;
use super::super::tests::{KEY, KEYS_FILE, failure, properties, with_hash, with_key};
use crate::guest::testing::Image;
use crate::run::context::Done;

#[test]
fn what_the_server_is_told_about_users_and_ways_in_is_told_on() {
    for (config, parameters, setting) in [
        ("AllowUsers alice\n", with_key(), "AllowUsers"),
        (
            "PubkeyAuthentication no\n",
            with_key(),
            "PubkeyAuthentication",
        ),
        ("DenyGroups r*\n", with_key(), "DenyGroups"),
        (
            "PasswordAuthentication no\n",
            with_hash(),
            "PasswordAuthentication",
        ),
        (
            "PermitRootLogin prohibit-password\n",
            with_hash(),
            "PermitRootLogin",
        ),
    ] {
        let image = Image::debian();
        image.file("/etc/ssh/sshd_config", config);
        let (done, told) = image.run(run, &parameters);
        assert_eq!(done.unwrap(), Done::Yes);
        assert!(
            told.iter().any(|told| told.contains(setting)),
            "{config}: {told:?}"
        );
    }
    for (config, parameters) in [
        (
            "AllowUsers alice\nAllowUsers root@10.*\nDenyUsers root@192.*\n",
            with_key(),
        ),
        (
            "AllowGroups wheel root\nPasswordAuthentication no\n",
            with_key(),
        ),
        ("", with_hash()),
    ] {
        let image = Image::debian();
        image.file("/etc/ssh/sshd_config", config);
        let told = image.run(run, &parameters).1;
        assert!(told.is_empty(), "{config}: {told:?}");
    }
}

#[test]
fn keys_come_into_a_directory_of_the_user() {
    let image = Image::debian();
    let parameters = Parameters {
        properties: properties(&[("USERS", "root user")]),
        ..with_key()
    };
    image.run(run, &parameters).0.unwrap();
    assert_eq!(image.text(KEYS_FILE), format!("{KEY}\n"));
    assert_eq!(image.attributes("/root/.ssh"), (0, 0, 0o700));
    assert_eq!(image.attributes(KEYS_FILE), (0, 0, 0o600));
    for (path, expected) in [
        ("/home", (0, 0, 0o755)),
        ("/home/user", (1000, 1001, 0o700)),
        ("/home/user/.ssh", (1000, 1001, 0o700)),
        ("/home/user/.ssh/authorized_keys", (1000, 1001, 0o600)),
    ] {
        assert_eq!(image.attributes(path), expected, "{path}");
    }
    let once = image.everything();
    image.run(run, &parameters).0.unwrap();
    assert_eq!(image.everything(), once);
}

#[test]
fn keys_come_where_the_server_looks() {
    let image = Image::debian();
    image.file(
        "/etc/ssh/sshd_config",
        "AuthorizedKeysFile /etc/ssh/keys/%u .ssh/x\n",
    );
    let parameters = Parameters {
        properties: properties(&[("USERS", "user")]),
        ..with_key()
    };
    image.run(run, &parameters).0.unwrap();
    assert_eq!(image.text("/etc/ssh/keys/user"), format!("{KEY}\n"));
    assert_eq!(image.attributes("/etc/ssh/keys"), (0, 0, 0o755));
    assert_eq!(image.attributes("/etc/ssh/keys/user"), (1000, 1001, 0o600));
    assert!(!image.path("/home").exists());

    image.file("/etc/ssh/sshd_config", "AuthorizedKeysFile none\n");
    assert!(failure(&image, &parameters).contains("AuthorizedKeysFile"));
}

#[test]
fn no_file_of_the_system_changes_its_owner() {
    let parameters = Parameters {
        properties: properties(&[("USERS", "user")]),
        ..with_key()
    };
    for hostile in ["/etc/shadow", "../../../etc/shadow"] {
        let image = Image::debian();
        image.directory("/home/user/.ssh");
        image.link("/home/user/.ssh/authorized_keys", hostile);
        image.run(run, &parameters).0.unwrap();
        assert_eq!(image.attributes("/etc/shadow").0, 0);
    }
    let image = Image::debian();
    image.file("/etc/ssh/sshd_config", "AuthorizedKeysFile /etc/shadow\n");
    image.run(run, &parameters).0.unwrap();
    assert_eq!(image.attributes("/etc/shadow").0, 0);

    let image = Image::debian();
    image.directory("/home/user");
    image.link("/home/user/.ssh", "/etc");
    let before = image.attributes("/etc");
    image.run(run, &parameters).0.unwrap();
    assert_eq!(image.attributes("/etc"), before);
}
