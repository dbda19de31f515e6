//! Tests of setting passwords and keys.
// SPDX-License-Identifier: BSD-2-Clause

use std::os::unix::fs::{PermissionsExt, chown};

use snf_image_protocol::{Parameters, Properties};

use super::*;
use crate::guest::testing::{Image, nothing, samples};

pub(super) const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@home";
pub(super) const HASH: &str = "$y$j9T$abcdefgh$0123456789";
pub(super) const KEYS_FILE: &str = "/root/.ssh/authorized_keys";

pub(super) fn with_hash() -> Parameters {
    Parameters {
        password_hash: Some(Secret::new(HASH.into())),
        ..nothing()
    }
}

pub(super) fn with_key() -> Parameters {
    Parameters {
        authorized_keys: vec![KEY.into()],
        ..nothing()
    }
}

pub(super) fn properties(pairs: &[(&str, &str)]) -> Properties {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    Properties::new(pairs).unwrap()
}

pub(super) fn failure(image: &Image, parameters: &Parameters) -> String {
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

    std::fs::remove_file(image.path("/etc/shadow")).unwrap();
    assert!(failure(&image, &users("root")).contains("run pwconv"));
    std::fs::remove_file(image.path("/etc/passwd")).unwrap();
    assert!(failure(&image, &users("root")).contains("has no /etc/passwd"));
}

#[test]
fn a_password_outside_shadow_moves_into_it() {
    let image = Image::debian();
    image.file(
        "/etc/passwd",
        "root:x:0:0::/root:/bin/sh\nold:$1$a$b:5:5::/:/bin/sh\nnew:x:6:6::/:\n",
    );
    let parameters = Parameters {
        properties: properties(&[("USERS", "old new")]),
        ..with_hash()
    };
    image.run(run, &parameters).0.unwrap();
    let passwd = "root:x:0:0::/root:/bin/sh\nold:x:5:5::/:/bin/sh\nnew:x:6:6::/:\n";
    assert_eq!(image.text("/etc/passwd"), passwd);
    let added = |name| format!("{name}:{HASH}:{}:0:99999:7:::\n", shadow::today());
    let before = Image::debian().text("/etc/shadow");
    assert_eq!(
        image.text("/etc/shadow"),
        before + &added("old") + &added("new")
    );
}

#[test]
fn a_system_without_shadow_keeps_its_passwords_in_passwd() {
    let image = Image::debian();
    std::fs::remove_file(image.path("/etc/shadow")).unwrap();
    image.file("/etc/passwd", "root:*:0:0::/root:/bin/sh\nx:y:1:1::/:\n");
    image.run(run, &with_hash()).0.unwrap();
    let after = format!("root:{HASH}:0:0::/root:/bin/sh\nx:y:1:1::/:\n");
    assert_eq!(image.text("/etc/passwd"), after);
    assert!(!image.path("/etc/shadow").exists());
}

#[test]
fn the_tools_for_accounts_find_nothing_wrong_afterwards() {
    let image = Image::debian();
    image
        .file(
            "/etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nüser.x$:!:1000:1001::/root:/bin/sh\n",
        )
        .file("/etc/shadow", "root:!:19000:0:99999:7::1:\n");
    let parameters = Parameters {
        properties: properties(&[("USERS", "root üser.x$")]),
        ..with_hash()
    };
    image.run(run, &parameters).0.unwrap();
    let checked = std::process::Command::new("pwck")
        .args(["-r", "-q"])
        .args([image.path("/etc/passwd"), image.path("/etc/shadow")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    // A group file of another machine and homes outside the image are all that it may miss.
    let faults = said
        .lines()
        .filter(|line| !line.contains("no group") && !line.contains("does not exist"));
    assert_eq!(faults.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn the_image_s_own_method_is_used_unless_another_is_asked_for() {
    let image = Image::debian();
    image.file(
        "/etc/login.defs",
        "ENCRYPT_METHOD YESCRYPT\nYESCRYPT_COST_FACTOR 1\n",
    );
    for (given, prefix) in [
        (&[][..], "root:$y$j75$"),
        (&[("PASSWD_HASHING_METHOD", "sha256")], "root:$5$"),
    ] {
        let parameters = Parameters {
            password: Some(Secret::new("correct horse".into())),
            properties: properties(given),
            ..nothing()
        };
        image.run(run, &parameters).0.unwrap();
        let shadow = image.text("/etc/shadow");
        assert!(shadow.starts_with(prefix), "{shadow}");
    }
}

#[test]
fn an_account_for_keys_alone_is_open_and_has_no_password() {
    for (config, before, after) in [
        ("UsePAM yes\n", "!", "!"),
        ("UsePAM no\n", "!", "*"),
        ("", "!$6$a$b", "*"),
        ("", "*", "*"),
        ("", "$6$a$b", "$6$a$b"),
    ] {
        let image = Image::debian();
        image
            .file("/etc/ssh/sshd_config", config)
            .file("/etc/shadow", format!("root:{before}:1:0:99999:7::9:\n"));
        image.run(run, &with_key()).0.unwrap();
        let line = format!("root:{after}:1:0:99999:7:::\n");
        assert_eq!(image.text("/etc/shadow"), line, "{config}");
    }
}

#[test]
fn what_may_keep_a_user_out_is_said() {
    let users = |users| Parameters {
        properties: properties(&[("USERS", users)]),
        ..with_key()
    };
    let warnings = |image: &Image, user| {
        let (done, warnings) = image.run(run, &users(user));
        done.unwrap();
        warnings
    };
    let image = Image::debian();
    assert_eq!(warnings(&image, "root user"), Vec::<String>::new());
    image.file("/etc/ssh/sshd_config", "PermitRootLogin no\n");
    let said = warnings(&image, "root user");
    assert!(
        said.len() == 1 && said[0].contains("PermitRootLogin"),
        "{said:?}"
    );
    let home = image.path("/home/user");
    std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o775)).unwrap();
    let said = warnings(&image, "user");
    assert!(
        said.len() == 1 && said[0].contains("write to /home/user"),
        "{said:?}"
    );
    image.file("/etc/ssh/sshd_config", "StrictModes no\n");
    assert_eq!(warnings(&image, "user"), Vec::<String>::new());
    image.file(
        "/etc/passwd",
        "daemon:x:1:1::/var/daemon:/usr/sbin/nologin\n",
    );
    let said = warnings(&image, "daemon");
    assert!(said.len() == 1 && said[0].contains("nologin"), "{said:?}");
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
    let image = Image::debian();
    image.device("/etc/shadow");
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
