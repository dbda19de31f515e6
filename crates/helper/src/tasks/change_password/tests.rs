//! Tests of setting passwords and keys.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::unix::fs::{PermissionsExt, chown};

use snf_image_protocol::{Parameters, Properties};

use super::*;
use crate::guest::testing::{Image, nothing, samples};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@home";
const HASH: &str = "$y$j9T$abcdefgh$0123456789";
const KEYS_FILE: &str = "/root/.ssh/authorized_keys";

fn with_hash() -> Parameters {
    Parameters {
        password_hash: Some(Secret::new(HASH.into())),
        ..nothing()
    }
}

fn with_key() -> Parameters {
    Parameters {
        authorized_keys: vec![KEY.into()],
        ..nothing()
    }
}

fn properties(pairs: &[(&str, &str)]) -> Properties {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    Properties::new(pairs).unwrap()
}

fn failure(image: &Image, parameters: &Parameters) -> String {
    image.run(run, parameters).0.unwrap_err().to_string()
}

#[test]
fn without_password_and_keys_nothing_happens() {
    let image = Image::debian();
    let before = image.everything();
    let empty = Parameters {
        authorized_keys: vec!["# none\n\n".into()],
        ..nothing()
    };
    for parameters in [nothing(), empty] {
        assert!(matches!(
            image.run(run, &parameters).0,
            Ok(Done::Skipped(_))
        ));
    }
    assert_eq!(image.everything(), before);
}

#[test]
fn a_password_is_hashed_for_each_user_alone() {
    let image = Image::debian();
    let parameters = Parameters {
        password: Some(Secret::new("correct horse".into())),
        properties: properties(&[("USERS", "root user root")]),
        ..nothing()
    };
    assert_eq!(image.run(run, &parameters).0.unwrap(), Done::Yes);
    let shadow = image.text("/etc/shadow");
    let hashes: Vec<_> = shadow
        .lines()
        .map(|line| line.split(':').nth(1).unwrap())
        .collect();
    assert_eq!(hashes.len(), 2);
    assert!(
        hashes.iter().all(|hash| hash.starts_with("$6$")),
        "{shadow}"
    );
    assert_ne!(hashes[0], hashes[1]);
    assert!(!shadow.contains("correct"));
}

#[test]
fn a_hash_is_written_as_it_is_and_only_that_line_changes() {
    let image = Image::debian();
    std::fs::set_permissions(
        image.path("/etc/shadow"),
        std::fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    chown(image.path("/etc/shadow"), Some(0), Some(42)).unwrap();
    let mut expected = image.everything();
    image.run(run, &with_hash()).0.unwrap();
    let after = format!(
        "root:{HASH}:{}:0:99999:7:::\nuser:!:19000:0:99999:7:::\n",
        shadow::today()
    );
    assert_eq!(image.text("/etc/shadow"), after);
    assert_eq!(image.attributes("/etc/shadow"), (0, 42, 0o640));
    expected.get_mut(&image.path("/etc/shadow")).unwrap().3 = after.into();
    assert_eq!(image.everything(), expected);
}

#[test]
fn extended_attributes_of_shadow_stay() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};
    let image = Image::debian();
    let file = image.path("/etc/shadow");
    let name = "user.mark";
    if setxattr(&file, name, b"kept", XattrFlags::empty()).is_err() {
        eprintln!("skipped: the file system of this machine has no extended attributes");
        return;
    }
    let label = b"system_u:object_r:shadow_t:s0\0";
    let is_labelled = setxattr(&file, "security.selinux", label, XattrFlags::empty()).is_ok();
    image.run(run, &with_hash()).0.unwrap();
    let mut value = [0; 64];
    let length = getxattr(&file, name, &mut value).unwrap();
    assert_eq!(&value[..length], b"kept");
    if is_labelled {
        let length = getxattr(&file, "security.selinux", &mut value).unwrap();
        assert_eq!(&value[..length], label);
    }
}

#[test]
fn faults_of_the_accounts_are_named_and_change_nothing() {
    let users = |users| Parameters {
        properties: properties(&[("USERS", users)]),
        ..with_hash()
    };
    let image = Image::debian();
    let before = image.everything();
    assert!(failure(&image, &users("root us.r")).contains("\"us.r\""));
    assert_eq!(image.everything(), before);

    image.file(
        "/etc/passwd",
        "root:x:0:0::/root:/bin/sh\nold:$1$a$b:5:5::/:/bin/sh\nnew:x:6:6::/:\n",
    );
    assert!(failure(&image, &users("old")).contains("is not x"));
    assert!(failure(&image, &users("root new")).contains("\"new\" has no line"));
    assert_eq!(
        image.text("/etc/shadow"),
        Image::debian().text("/etc/shadow")
    );

    std::fs::remove_file(image.path("/etc/shadow")).unwrap();
    assert!(failure(&image, &users("root")).contains("has no /etc/shadow"));
    std::fs::remove_file(image.path("/etc/passwd")).unwrap();
    assert!(failure(&image, &users("root")).contains("has no /etc/passwd"));
}

#[test]
fn no_secret_is_shown_and_none_can_add_a_line() {
    let hash = Parameters {
        password_hash: Some(Secret::new("hunter2\nevil::0:0:::".into())),
        ..nothing()
    };
    let nul = Parameters {
        password: Some(Secret::new("hunter2\0".into())),
        ..nothing()
    };
    for parameters in [hash, nul] {
        let image = Image::debian();
        let before = image.everything();
        assert!(!failure(&image, &parameters).contains("hunter2"));
        assert_eq!(image.everything(), before);
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

#[test]
fn links_to_the_outside_lead_nowhere() {
    let both = Parameters {
        authorized_keys: vec![KEY.into()],
        ..with_hash()
    };
    let up = "../../../../../../../..";
    for (path, name) in [
        ("/etc", ""),
        ("/etc/shadow", "shadow"),
        ("/etc/passwd", "passwd"),
        ("/root", ""),
        ("/root/.ssh", ""),
        ("/root/.ssh/authorized_keys", "authorized_keys"),
    ] {
        let image = Image::debian();
        let outside = image.outside(name);
        for target in [outside.clone(), format!("{up}{outside}")] {
            image.link(path, &target);
            // The run itself checks that nothing outside changes.
            assert!(image.run(run, &both).0.is_err(), "{path} -> {target}");
        }
    }
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let both = Parameters {
        authorized_keys: vec![KEY.into()],
        ..with_hash()
    };
    for path in [
        "/etc/shadow",
        "/etc/passwd",
        KEYS_FILE,
        "/etc/ssh/sshd_config",
    ] {
        let image = Image::debian();
        image.fifo(path);
        assert!(failure(&image, &both).contains("a FIFO"), "{path}");
    }
    for path in ["/root", "/root/.ssh"] {
        let image = Image::debian();
        image.fifo(path);
        assert!(failure(&image, &both).contains("not a directory"), "{path}");
    }
}

#[test]
fn a_device_is_neither_read_nor_written() {
    use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
    let image = Image::debian();
    std::fs::remove_file(image.path("/etc/shadow")).unwrap();
    let device = image.path("/etc/shadow");
    let zero = makedev(1, 5);
    if mknodat(CWD, device, FileType::CharacterDevice, Mode::RUSR, zero).is_err() {
        eprintln!("skipped: device nodes cannot be made here");
        return;
    }
    assert!(failure(&image, &with_hash()).contains("a device node"));
}

#[test]
fn a_huge_file_is_refused_at_once() {
    let image = Image::debian();
    let file = std::fs::File::create(image.path("/etc/shadow")).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(failure(&image, &with_hash()).contains("larger than 16384 KiB"));
}

#[test]
fn a_loop_of_links_is_refused() {
    let image = Image::debian();
    image
        .link("/etc/shadow", "shadow-")
        .link("/etc/shadow-", "shadow");
    assert!(failure(&image, &with_hash()).contains("/etc/shadow of the image"));
}

#[test]
fn links_inside_the_image_are_followed_and_stay() {
    let image = Image::debian();
    let content = image.text("/etc/shadow");
    image
        .file("/data/etc/shadow", content)
        .link("/etc/shadow", "/data/etc/shadow");
    image.run(run, &with_hash()).0.unwrap();
    assert!(image.path("/etc/shadow").is_symlink());
    assert!(image.text("/data/etc/shadow").contains(HASH));
}

#[test]
fn accounts_of_real_systems_are_changed_in_one_line() {
    let Some(samples) = samples("etc/rootfs-skeleton") else {
        return;
    };
    for system in std::fs::read_dir(samples).unwrap() {
        let system = system.unwrap().path();
        let image = Image::empty();
        for file in ["/etc/passwd", "/etc/shadow"] {
            let content = std::fs::read(system.join(file.trim_start_matches('/')));
            image.file(file, content.unwrap());
        }
        let before = image.text("/etc/shadow");
        image.run(run, &with_hash()).0.unwrap();
        let after = image.text("/etc/shadow");
        let changed: Vec<_> = before
            .lines()
            .zip(after.lines())
            .filter(|(before, after)| before != after)
            .collect();
        assert_eq!(changed.len(), 1, "{}", system.display());
        assert!(changed[0].1.starts_with(&format!("root:{HASH}:")));
    }
}
