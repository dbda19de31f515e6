//! What parameters are taken, and in which words the others are refused.
// SPDX-License-Identifier: BSD-2-Clause

use super::*;
use crate::config::Origin;
use crate::config::os_parameters::named;

fn values(pairs: &[(&str, &str)]) -> Values {
    let given = |value: &str| Given {
        value: Secret::new(value.into()),
        origin: Origin::OsParameter,
    };
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (named(name).unwrap(), given(value)))
        .collect()
}

fn with_image(more: &[(&str, &str)]) -> Values {
    let mut all = values(&[("img_id", "debian"), ("img_format", "diskdump")]);
    all.extend(values(more));
    all
}

fn faults(values: &Values) -> Vec<String> {
    let faults = check(values, true).unwrap_err().0;
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn everything_asked_for_is_there() {
    let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINLWYIpcT2GaIkbA9uPn6Q7rJ4m1hZ0c3tTqk0D0aBcd admin";
    let wanted = check(
        &with_image(&[
            ("img_digest", &format!("sha256:{}", "0".repeat(64))),
            ("img_passwd", "it's $HOME"),
            ("auth_keys", &format!("{key}\n")),
            ("img_properties", r#"{"users": "root", "do_sync": true}"#),
            ("inst_properties", r#"{"USERS": ["root", "user"]}"#),
            ("img_personality", r#"[{"path": "/a", "contents": "eA=="}]"#),
        ]),
        true,
    )
    .unwrap();
    assert!(wanted.digest.is_some());
    assert_eq!(wanted.password.unwrap().expose(), "it's $HOME");
    assert_eq!(wanted.authorized_keys, [key]);
    assert_eq!(
        wanted.properties.users().unwrap().unwrap(),
        ["root", "user"]
    );
    assert!(wanted.properties.flag("DO_SYNC"));
    assert_eq!(wanted.personality[0].content, b"x");
    assert_eq!(wanted.warnings, Vec::<String>::new());
}

#[test]
fn all_faults_are_told_at_once_and_no_secret_with_them() {
    let all = faults(&values(&[
        ("img_format", "floppy"),
        ("img_digest", "sha256:0"),
        ("img_passwd", "hunter2\nhunter2"),
        ("img_passwd_hash", "hunter2 hunter2"),
        ("auth_keys", "hunter2"),
        ("img_properties", "[]"),
        ("inst_properties", r#"{"OSFAMILY": "beos"}"#),
        ("img_personality", r#"["hunter2"]"#),
        ("os_product_key", "hunter2"),
        ("os_answer_file", "ovirt://x"),
        ("cloud_userdata", "hunter2!"),
    ]));
    let text = all.join("\n");
    for name in [
        "img_id is required",
        "img_format: \"floppy\"",
        "img_digest: a sha256 digest has 64",
        "img_passwd holds",
        "img_passwd_hash is not",
        "are both given",
        "auth_keys: line 1",
        "img_properties",
        "OSFAMILY",
        "img_personality",
        "os_product_key",
        "os_answer_file",
        "cloud_userdata",
    ] {
        assert!(text.contains(name), "no {name:?} in\n{text}");
    }
    assert_eq!(all.len(), 13, "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn every_format_is_called_as_on_the_command_line_and_no_other_is_taken() {
    for (name, format) in [
        ("diskdump", Format::Diskdump),
        ("extdump", Format::Extdump),
        ("ntfsdump", Format::Ntfsdump),
        ("vhdx", Format::Vhdx),
        ("auto", Format::Auto),
    ] {
        let wanted = check(&with_image(&[("img_format", name)]), true).unwrap();
        assert_eq!(wanted.format, Some(format));
    }
    for name in ["Diskdump", "raw"] {
        let all = faults(&with_image(&[("img_format", name)]));
        assert_eq!(all.len(), 1);
        assert!(all[0].contains("it is one of diskdump, "), "{all:?}");
    }
}

#[test]
fn user_data_is_decoded_and_is_for_a_cloud_init_that_is_used() {
    let wanted = check(
        &with_image(&[("cloud_userdata", "I2Nsb3VkLWNvbmZpZwo=")]),
        true,
    )
    .unwrap();
    assert_eq!(wanted.user_data.unwrap().expose(), b"#cloud-config\n");
    let empty = check(&with_image(&[("cloud_userdata", "")]), true).unwrap();
    assert_eq!(empty.user_data, None);
    let all = faults(&with_image(&[
        ("cloud_userdata", "I2Nsb3VkLWNvbmZpZwo="),
        ("inst_properties", r#"{"CLOUD_INIT": "no"}"#),
    ]));
    assert!(all.join("").contains("CLOUD_INIT=no"), "{all:?}");
}

#[test]
fn a_format_is_detected_of_images_that_the_node_trusts_alone() {
    let mut settings = Settings::default();
    let trusted = "vendor/ https://example.org/images/";
    settings.set("DETECT_FORMAT", trusted).unwrap();
    let judge = |image: &str, format: &str| {
        let wanted = check(&values(&[("img_id", image), ("img_format", format)]), true).unwrap();
        wanted.check_format(&settings)
    };
    for image in ["vendor/debian", "https://example.org/images/debian"] {
        judge(image, "auto").unwrap();
    }
    for image in [
        "debian",
        "tenant/vendor/debian",
        "https://example.org/debian",
    ] {
        let refused = judge(image, "auto").unwrap_err().to_string();
        assert!(refused.contains("DETECT_FORMAT"), "{refused}");
        judge(image, "diskdump").unwrap();
        for format in ["qcow2", "vmdk", "vhd", "vhdx", "vdi"] {
            judge(image, format).unwrap();
        }
    }
}

#[test]
fn before_create_what_is_not_given_is_not_missed_and_what_is_given_is_judged() {
    let some = values(&[("img_properties", r#"{"USERS": "root"}"#)]);
    assert!(check(&some, false).unwrap().image.is_none());
    assert_eq!(faults(&some).len(), 2);
    for (name, value) in [
        ("img_id", ""),
        ("img_format", "floppy"),
        ("img_properties", "{"),
    ] {
        let wrong = check(&values(&[(name, value)]), false).unwrap_err();
        assert!(wrong.0[0].to_string().contains(name), "{wrong:?}");
    }
}

#[test]
fn the_user_hears_of_his_own_values_and_of_none_that_the_node_gave() {
    let mut wrong = values(&[("img_id", "a/../b"), ("img_format", "floppy")]);
    let heard = |values: &Values| check(values, true).unwrap_err().for_user().join("\n");
    assert!(heard(&wrong).contains("img_format: \"floppy\""));
    for given in wrong.values_mut() {
        given.origin = Origin::File {
            path: "/etc/of-the-node".into(),
            line: 1,
        };
    }
    assert!(!heard(&wrong).contains("floppy"), "{}", heard(&wrong));
}

#[test]
fn required_ones_may_come_from_config_url() {
    let values = values(&[("config_url", "https://example.org/x")]);
    assert!(check(&values, false).unwrap().image.is_none());
    assert_eq!(faults(&values).len(), 2);
}

#[test]
fn an_empty_password_is_taken_with_a_warning_and_an_empty_hash_is_not() {
    let wanted = check(&with_image(&[("img_passwd", "")]), true).unwrap();
    assert_eq!(
        (wanted.password.unwrap().expose(), wanted.warnings.len()),
        ("", 1)
    );
    assert_eq!(faults(&with_image(&[("img_passwd_hash", "")])).len(), 1);
}

#[test]
fn a_digest_that_can_be_forged_is_taken_with_a_warning() {
    let md5 = format!("md5:{}", "0".repeat(32));
    let wanted = check(&with_image(&[("img_digest", &md5)]), true).unwrap();
    assert!(wanted.digest.is_some());
    assert!(
        wanted.warnings[0].contains("no forgery"),
        "{:?}",
        wanted.warnings
    );
}
