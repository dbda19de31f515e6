//! Tests of making a user.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use snf_image_protocol::{Parameters, Properties};

use super::*;
use crate::guest::testing::{Image, nothing};
use crate::tasks::change_password;

fn asking(pairs: &[(&str, &str)]) -> Parameters {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    Parameters {
        properties: Properties::new(pairs).unwrap(),
        ..nothing()
    }
}

/// As a small Debian with sudo, and everything that an account may stand in.
fn debian() -> Image {
    let image = Image::debian();
    image
        .file("/etc/gshadow", "root:*::\nuser:!::\nwww:*::\nsudo:*::x\n")
        .file(
            "/etc/group",
            "root:x:0:\nuser:x:1001:\nwww:x:33:\nsudo:x:27:x\n",
        )
        .file("/etc/subuid", "user:100000:65536\n")
        .file("/etc/subgid", "")
        .file(
            "/etc/sudoers",
            "root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
        )
        .file("/etc/skel/.profile", "umask 022\n")
        .file("/etc/skel/.config/app/settings", "x\n")
        .file("/bin/bash", "")
        .link("/etc/skel/.link", ".profile");
    image
}

fn failure(image: &Image, pairs: &[(&str, &str)]) -> String {
    let before = image.everything();
    let error = image.run(run, &asking(pairs)).0.unwrap_err().to_string();
    assert_eq!(image.everything(), before, "{error}");
    error
}

#[test]
fn without_the_property_nothing_happens() {
    let image = debian();
    let before = image.everything();
    assert!(matches!(image.run(run, &nothing()).0, Ok(Done::Skipped(_))));
    assert_eq!(image.everything(), before);
}

#[test]
fn a_user_is_in_every_table_and_has_a_home() {
    let image = debian();
    let wanted = asking(&[
        ("CREATE_USER", "admin::sudo,www"),
        ("CREATE_USER_SUDO", "nopasswd"),
    ]);
    let (done, warnings) = image.run(run, &wanted);
    assert_eq!((done.unwrap(), warnings), (Done::Yes, vec![]));
    // 1001 is a group's already, so the next that both can have is 1002.
    assert!(
        image
            .text("/etc/passwd")
            .ends_with("\nadmin:x:1002:1002::/home/admin:/bin/bash\n")
    );
    let shadow = format!("\nadmin:!:{}:0:99999:7:::\n", crate::guest::shadow::today());
    assert!(image.text("/etc/shadow").ends_with(&shadow));
    assert!(
        image
            .text("/etc/group")
            .ends_with("\nwww:x:33:admin\nsudo:x:27:x,admin\nadmin:x:1002:\n")
    );
    assert!(
        image
            .text("/etc/gshadow")
            .ends_with("\nwww:*::admin\nsudo:*::x,admin\nadmin:!::\n")
    );
    assert!(
        image
            .text("/etc/subuid")
            .ends_with("\nadmin:165536:65536\n")
    );
    assert_eq!(image.text("/etc/subgid"), "admin:100000:65536\n");
    for (path, mode) in [
        ("/home/admin", 0o700),
        ("/home/admin/.profile", 0o644),
        ("/home/admin/.config/app", 0o755),
        ("/home/admin/.config/app/settings", 0o644),
    ] {
        assert_eq!(image.attributes(path), (1002, 1002, mode), "{path}");
    }
    assert_eq!(image.text("/home/admin/.link"), "umask 022\n");
    let once = image.everything();
    image.run(run, &wanted).0.unwrap();
    assert_eq!(image.everything(), once);
}

#[test]
fn the_tools_for_accounts_find_nothing_wrong() {
    let image = debian();
    let wanted = asking(&[("CREATE_USER", "a.b-c_9:4321:sudo")]);
    image.run(run, &wanted).0.unwrap();
    for (tool, files) in [
        ("pwck", ["passwd", "shadow"]),
        ("grpck", ["group", "gshadow"]),
    ] {
        let files = files.map(|file| image.path(&format!("/etc/{file}")));
        let output = Command::new(tool).arg("-r").args(files).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // Homes, groups and members are looked for on this machine.
        let elsewhere = ["/home/", "no group", "no user", "delete member"];
        let of_ours = said.lines().filter(|line| {
            line.contains("a.b") && !elsewhere.iter().any(|word| line.contains(word))
        });
        assert_eq!(of_ours.collect::<Vec<_>>(), Vec::<&str>::new(), "{said}");
    }
}

#[test]
fn sudo_takes_the_rights_that_are_given() {
    for (given, expected) in [
        ("nopasswd", "admin ALL=(ALL:ALL) NOPASSWD: ALL\n"),
        ("password", "admin ALL=(ALL:ALL) ALL\n"),
    ] {
        let image = debian();
        let wanted = asking(&[("CREATE_USER", "admin"), ("CREATE_USER_SUDO", given)]);
        image.run(run, &wanted).0.unwrap();
        let file = "/etc/sudoers.d/90-snf-image-user";
        assert_eq!(image.text(file), expected);
        assert_eq!(image.attributes(file), (0, 0, 0o440));
        let checked = Command::new("visudo")
            .arg("-c")
            .arg("-f")
            .arg(image.path(file))
            .output();
        let checked = checked.unwrap();
        assert!(checked.status.success(), "{checked:?}");
    }
    let image = debian();
    fs::remove_file(image.path("/etc/sudoers")).unwrap();
    let wanted = [("CREATE_USER", "admin"), ("CREATE_USER_SUDO", "nopasswd")];
    assert!(failure(&image, &wanted).contains("neither sudo nor doas"));
    image.directory("/etc/doas.d");
    image.run(run, &asking(&wanted)).0.unwrap();
    assert_eq!(
        image.text("/etc/doas.d/90-snf-image-user.conf"),
        "permit nopass admin\n"
    );
}

#[test]
fn faults_are_named_and_change_nothing() {
    let image = debian();
    for (pairs, words) in [
        (&[("CREATE_USER", "admin:1000")][..], "another user's"),
        (&[("CREATE_USER", "user:7")], "has the id 1000, not 7"),
        (&[("CREATE_USER", "admin::wheel")], "no group \"wheel\""),
        (
            &[("CREATE_USER", "admin"), ("CREATE_USER_SHELL", "/bin/zsh")],
            "no shell \"/bin/zsh\"",
        ),
    ] {
        let error = failure(&image, pairs);
        assert!(error.contains(words), "{error}");
    }
    image.file("/etc/sudoers", "root ALL=(ALL:ALL) ALL\n");
    let wanted = [("CREATE_USER", "admin"), ("CREATE_USER_SUDO", "password")];
    assert!(failure(&image, &wanted).contains("reads no directory"));
    image.file("/etc/login.defs", "UID_MIN 9\nUID_MAX 5\n");
    assert!(failure(&image, &[("CREATE_USER", "admin")]).contains("no id"));
    fs::remove_file(image.path("/etc/group")).unwrap();
    assert!(failure(&image, &[("CREATE_USER", "admin")]).contains("no /etc/group"));
}

#[test]
fn a_user_of_the_image_is_kept_and_joins_groups() {
    let image = debian();
    let before = image.text("/etc/passwd");
    let (done, notices) = image.run(run, &asking(&[("CREATE_USER", "user:1000:sudo")]));
    done.unwrap();
    assert!(
        notices.len() == 1 && notices[0].contains("already"),
        "{notices:?}"
    );
    assert_eq!(image.text("/etc/passwd"), before);
    assert!(image.text("/etc/group").contains("\nsudo:x:27:x,user\n"));
    assert!(!image.path("/home").exists());
}

#[test]
fn systems_without_shadow_gshadow_and_bash_get_a_user_too() {
    let image = debian();
    for path in ["/etc/shadow", "/etc/gshadow", "/etc/subuid", "/bin/bash"] {
        fs::remove_file(image.path(path)).unwrap();
    }
    image.file(
        "/etc/login.defs",
        "UID_MIN 500\nUID_MAX 1000\nHOME_MODE 0751\n",
    );
    image
        .run(run, &asking(&[("CREATE_USER", "admin")]))
        .0
        .unwrap();
    assert!(
        image
            .text("/etc/passwd")
            .ends_with("\nadmin:!:500:500::/home/admin:/bin/sh\n")
    );
    assert_eq!(image.attributes("/home/admin"), (500, 500, 0o751));
    for path in ["/etc/shadow", "/etc/gshadow", "/etc/subuid"] {
        assert!(!image.path(path).exists());
    }
}

#[test]
fn links_and_special_files_of_the_image_lead_nowhere() {
    let wanted = asking(&[("CREATE_USER", "admin"), ("CREATE_USER_SUDO", "nopasswd")]);
    for path in [
        "/etc/skel",
        "/home",
        "/etc/sudoers.d",
        "/etc/subuid",
        "/etc/passwd",
    ] {
        for target in ["/beside/outside/passwd", "../../../../beside/outside"] {
            let image = debian();
            image.link(path, target);
            // The run itself checks that nothing outside changes.
            let _ = image.run(run, &wanted);
        }
    }
    let image = debian();
    image
        .fifo("/etc/skel/fifo")
        .link("/etc/skel/out", "/beside/outside/passwd");
    image.run(run, &wanted).0.unwrap();
    assert!(!image.path("/home/admin/fifo").exists());
    assert!(image.path("/home/admin/out").is_symlink());
    let image = debian();
    image.fifo("/etc/sudoers");
    assert!(
        image
            .run(run, &wanted)
            .0
            .unwrap_err()
            .to_string()
            .contains("a FIFO")
    );
}

#[test]
fn a_home_that_is_there_stays_and_set_user_id_bits_are_not_copied() {
    let image = debian();
    image
        .file("/home/admin/mine", "x")
        .file("/etc/skel/tool", "x");
    let (done, warnings) = image.run(run, &asking(&[("CREATE_USER", "admin")]));
    done.unwrap();
    assert!(
        warnings.len() == 1 && warnings[0].contains("does not belong"),
        "{warnings:?}"
    );
    assert!(!image.path("/home/admin/.profile").exists());

    fs::set_permissions(
        image.path("/etc/skel/tool"),
        fs::Permissions::from_mode(0o4755),
    )
    .unwrap();
    image
        .run(run, &asking(&[("CREATE_USER", "other")]))
        .0
        .unwrap();
    let mode = fs::metadata(image.path("/home/other/tool")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn the_user_gets_the_password_and_the_keys_and_root_gets_none() {
    let image = debian();
    let parameters = Parameters {
        password_hash: Some(snf_image_protocol::Secret::new("$6$a$b".into())),
        authorized_keys: vec!["ssh-ed25519 AAAA me".into()],
        ..asking(&[("CREATE_USER", "admin")])
    };
    image.run(run, &parameters).0.unwrap();
    image.run(change_password::run, &parameters).0.unwrap();
    let shadow = image.text("/etc/shadow");
    assert!(
        shadow.starts_with("root:*:") && shadow.contains("\nadmin:$6$a$b:"),
        "{shadow}"
    );
    assert_eq!(
        image.attributes("/home/admin/.ssh/authorized_keys"),
        (1002, 1002, 0o600)
    );
}
