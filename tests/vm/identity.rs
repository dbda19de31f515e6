//! What makes a machine its own, and what a deployment must leave as it was.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use harness::{Outcome, Scene};
use snf_image_testkit::ext::{Ext, Stat};
use snf_image_testkit::tool::Tool;
use snf_image_testkit::tree;

const SHADOW: &str = "/etc/shadow";
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINLWYIpcT2GaIkbA9uPn6Q7rJ4m1hZ0c3tTqk0D0aBcd admin";

/// A guest whose files have something to lose: lines that nobody understands, keys of three
/// types, rights of its own.
fn guest(root: &Path) -> Result<()> {
    tree::debian(root)?;
    let shadow = root.join("etc/shadow");
    let odd = b"no colon at all\n\nold:$1$abc$def:1:2:3:4:5:6:7\n\xff\xfe:x:\n#user:!:\nlast:*:19000:0:99999:7:::";
    fs::write(&shadow, [fs::read(&shadow)?.as_slice(), odd].concat())?;
    for kind in ["rsa", "ecdsa"] {
        let key = root.join(format!("etc/ssh/ssh_host_{kind}_key"));
        fs::write(&key, "the image's own\n")?;
        fs::write(key.with_extension("pub"), "the image's own\n")?;
    }
    fs::write(root.join("etc/ssh/ssh_host_dsa_key"), "the image's own\n")?;
    for (path, content) in TRACES {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap())?;
        fs::write(path, content)?;
    }
    Ok(())
}

/// What belongs to the machine that the image was made on, and the labels that it gives.
const TRACES: [(&str, &str); 6] = [
    ("var/lib/systemd/random-seed", "the image's own\n"),
    ("var/lib/dhcp/dhclient.eth0.leases", "the image's own\n"),
    (
        "var/lib/cloud/instances/i-1/user-data.txt",
        "password: secret\n",
    ),
    (
        "etc/iscsi/initiatorname.iscsi",
        "InitiatorName=iqn.1993-08.org.debian:01:abcdef\n",
    ),
    (
        "etc/selinux/config",
        "SELINUX=enforcing\nSELINUXTYPE=targeted\n",
    ),
    (
        "etc/selinux/targeted/contexts/files/file_contexts",
        "/.* system_u:object_r:default_t:s0\n\
         /home/[^/]+/\\.ssh(/.*)? system_u:object_r:ssh_home_t:s0\n",
    ),
];

/// Deploys with a file mode creation mask as a caller may have it.
fn deploy(scene: &Scene, image: &Path, target: &str, mask: &str) -> Ext {
    let file =
        |name: &str, content: &str| scene.write(name, content).unwrap().display().to_string();
    let password = file("password", "correct horse battery\n");
    let key = file("key.pub", &format!("{KEY}\n"));
    let inject = format!("{}:/srv/deep/er/file", file("file", "content\n"));
    let arguments = [
        "--size=96M",
        "--hostname=web.example.org",
        "--property=USERS=root user",
        "--password-file",
        &password,
        "--ssh-key",
        &key,
        "--inject",
        &inject,
    ];
    let deployment = scene.deployment(image, target, arguments);
    let mut masked = Command::new("sh");
    masked
        .args(["-c", &format!("umask {mask}; exec \"$@\""), "sh"])
        .arg(deployment.get_program())
        .args(deployment.get_args());
    masked
        .current_dir(scene.directory())
        .env("TMPDIR", scene.path("tmp"));
    Outcome::from(masked.output().unwrap()).succeeded();
    assert_eq!(
        fs::metadata(scene.path(target))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    scene.root_of(target).unwrap()
}

/// The fields of a user's line in shadow(5).
fn fields(root: &Ext, user: &str) -> Vec<String> {
    let shadow = root.read(SHADOW).unwrap();
    let shadow = String::from_utf8_lossy(&shadow).into_owned();
    let line = shadow
        .lines()
        .find(|line| line.starts_with(&format!("{user}:")))
        .unwrap();
    line.split(':').map(str::to_owned).collect()
}

fn salt(root: &Ext, user: &str) -> String {
    let hash = fields(root, user)[1].clone();
    let mut parts = hash
        .split('$')
        .skip(2)
        .filter(|part| !part.starts_with("rounds="));
    parts.next().unwrap().to_owned()
}

/// Everything in a tree with its kind, rights, owner and group; sizes are left out.
fn listing(root: &Ext, directory: &str, into: &mut BTreeSet<String>) {
    for name in root.list(directory).unwrap() {
        let path = format!("{}/{name}", directory.trim_end_matches('/'));
        let Stat {
            kind,
            mode,
            uid,
            gid,
            ..
        } = root.stat(&path).unwrap();
        into.insert(format!("{path} {kind} {mode:o} {uid} {gid}"));
        if kind == "directory" && name != "lost+found" {
            listing(root, &path, into);
        }
    }
}

fn everything(root: &Ext) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    listing(root, "/", &mut all);
    all
}

#[test]
fn two_machines_of_one_image_have_nothing_secret_in_common_and_the_caller_s_mask_does_not_matter() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(guest).unwrap();
    let before = scene.root_of("image").unwrap();
    let one = deploy(&scene, &image, "one", "000");
    let other = deploy(&scene, &image, "other", "077");

    let mut texts = ["/etc/machine-id", "/etc/iscsi/initiatorname.iscsi"]
        .map(str::to_owned)
        .to_vec();
    for kind in ["rsa", "ecdsa", "ed25519"] {
        for end in ["", ".pub"] {
            texts.push(format!("/etc/ssh/ssh_host_{kind}_key{end}"));
        }
    }
    for path in &texts {
        let texts = [&one, &other, &before].map(|root| root.text(path).unwrap());
        let different: BTreeSet<_> = texts.iter().collect();
        assert_eq!(different.len(), 3, "{path}: {texts:?}");
    }
    for path in TRACES[..3].iter().map(|(path, _)| format!("/{path}")) {
        assert!(
            before.exists(&path).unwrap() && !one.exists(&path).unwrap(),
            "{path}"
        );
    }
    for (path, label) in [
        ("/home/user/.ssh", "ssh_home_t"),
        ("/home/user/.ssh/authorized_keys", "ssh_home_t"),
        ("/srv/deep/er/file", "default_t"),
    ] {
        assert_eq!(
            one.label(path).unwrap(),
            format!("system_u:object_r:{label}:s0"),
            "{path}"
        );
    }
    assert!(!one.exists("/.autorelabel").unwrap());
    // A key of a type that nobody makes any more must not stay shared.
    assert!(!one.exists("/etc/ssh/ssh_host_dsa_key").unwrap());
    let salts: BTreeSet<_> = [&one, &other]
        .into_iter()
        .flat_map(|root| ["root", "user"].map(|user| salt(root, user)))
        .collect();
    assert_eq!(salts.len(), 4, "{salts:?}");

    assert_eq!(everything(&one), everything(&other));
    for (path, mode) in [
        ("/etc/ssh/ssh_host_rsa_key", 0o600),
        ("/etc/ssh/ssh_host_rsa_key.pub", 0o644),
        ("/etc/machine-id", 0o444),
        ("/root/.ssh", 0o700),
        ("/home/user/.ssh/authorized_keys", 0o600),
        ("/etc/hostname", 0o644),
    ] {
        assert_eq!(one.stat(path).unwrap().mode, mode, "{path}");
    }
    public_keys_belong_to_the_private_ones(&scene, &one);
    for root in [&one, &other] {
        only_two_lines_of_shadow_changed(&before, root);
        assert_eq!(root.problems().unwrap(), "");
    }
}

fn public_keys_belong_to_the_private_ones(scene: &Scene, root: &Ext) {
    for kind in ["rsa", "ecdsa", "ed25519"] {
        let path = format!("/etc/ssh/ssh_host_{kind}_key");
        let private = scene.write("private", root.read(&path).unwrap()).unwrap();
        let public = Tool::new("ssh-keygen")
            .args(["-y", "-f"])
            .arg(private)
            .run()
            .unwrap();
        let words = |text: &str| {
            text.split_whitespace()
                .take(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            words(&public),
            words(&root.text(&format!("{path}.pub")).unwrap())
        );
    }
}

fn only_two_lines_of_shadow_changed(before: &Ext, after: &Ext) {
    let lines = |root: &Ext| -> Vec<Vec<u8>> {
        let content = root.read(SHADOW).unwrap();
        content
            .split_inclusive(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    };
    let (old, new) = (lines(before), lines(after));
    assert_eq!(old.len(), new.len());
    for (old, new) in old.iter().zip(&new) {
        let is_given = [&b"root:"[..], b"user:"]
            .iter()
            .any(|user| old.starts_with(user));
        assert_eq!(is_given, old != new, "{}", String::from_utf8_lossy(old));
    }
    for user in ["root", "user"] {
        let (old, new) = (fields(before, user), fields(after, user));
        // Hash and day of change are new, the rest is the administrator's.
        assert_eq!(
            [&old[..1], &old[3..]].concat(),
            [&new[..1], &new[3..]].concat()
        );
    }
    let ignoring_size = |root: &Ext| Stat {
        size: 0,
        ..root.stat(SHADOW).unwrap()
    };
    assert_eq!(ignoring_size(before), ignoring_size(after));
}

#[test]
fn the_password_is_the_one_that_was_given() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(guest).unwrap();
    let password = scene.write("password", "pä$$ wörd:'\"\\\n").unwrap();
    for (method, prefix) in [
        ("sha512", "$6$"),
        ("sha256", "$5$"),
        ("md5", "$1$"),
        ("blowfish", "$2"),
    ] {
        let _ = fs::remove_file(scene.path("disk"));
        let method = format!("PASSWD_HASHING_METHOD={method}");
        scene
            .deploy(
                &image,
                "disk",
                [
                    "--password-file",
                    password.to_str().unwrap(),
                    "--property",
                    &method,
                ],
            )
            .unwrap()
            .succeeded();
        let hash = fields(&scene.root_of("disk").unwrap(), "root")[1].clone();
        assert!(hash.starts_with(prefix), "{hash}");
        // The system's own crypt(3) is the judge.
        let script = "print crypt($ENV{GIVEN}, $ENV{SETTING})";
        let output = Command::new("perl")
            .args(["-e", script])
            .env("GIVEN", "pä$$ wörd:'\"\\")
            .env("SETTING", &hash)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), hash);
    }
}
