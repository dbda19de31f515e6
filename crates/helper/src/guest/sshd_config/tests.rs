//! Tests of reading sshd_config(5).
// SPDX-License-Identifier: BSD-2-Clause

use proptest::prelude::*;

use super::super::testing::{Image, samples};
use super::*;

fn of(line: &str) -> Option<(String, Vec<String>)> {
    let (keyword, values) = directive(line.as_bytes())?;
    let text = |value| String::from_utf8(value).unwrap();
    Some((keyword, values.into_iter().map(text).collect()))
}

fn settings(files: &[(&str, &str)]) -> Settings {
    let image = Image::empty();
    for (path, content) in files {
        image.file(path, content);
    }
    image.confined(|root| read(&root)).unwrap().unwrap()
}

fn user() -> User {
    User {
        name: "a.b".into(),
        is_shadowed: true,
        uid: 1000,
        gid: 1000,
        home: "/home/a b".into(),
    }
}

#[test]
fn a_line_has_a_keyword_and_values() {
    for (line, keyword, values) in [
        ("HostKey /a", "hostkey", &["/a"][..]),
        ("\thostkey=/a\r", "hostkey", &["/a"]),
        ("HOSTKEY = \"/a b\" # old", "hostkey", &["/a b"]),
        ("Include a 'b c'd", "include", &["a", "b cd"]),
        (r#"X a\"b\\c\d"#, "x", &[r#"a"b\c\d"#]),
        ("X a#b", "x", &["a#b"]),
        ("X", "x", &[]),
    ] {
        let (found, rest) = of(line).unwrap();
        assert_eq!(
            (found.as_str(), rest.as_slice()),
            (
                keyword,
                &values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>()[..]
            ),
            "{line}"
        );
    }
    for line in ["", "  ", "# HostKey /a", "#HostKey /a", "X \"a", "=x"] {
        assert_eq!(of(line), None, "{line}");
    }
}

#[test]
fn host_keys_add_up_and_match_blocks_do_not_count() {
    let found = settings(&[(
        "/etc/ssh/sshd_config",
        "HostKey /etc/ssh/a\nHostKeyAlgorithms ssh-rsa\nhostkey b\n\
         Match User x\nHostKey /etc/ssh/c\nAuthorizedKeysFile /d\n",
    )]);
    assert_eq!(found.host_keys, [PathBuf::from("/etc/ssh/a"), "/b".into()]);
    assert!(found.authorized_keys_files.is_empty());
}

#[test]
fn included_files_count_where_they_are_included() {
    let found = settings(&[
        (
            "/etc/ssh/sshd_config",
            "Include sshd_config.d/*.conf\nAuthorizedKeysFile .ssh/late\nHostKey /z\n",
        ),
        (
            "/etc/ssh/sshd_config.d/2.conf",
            "HostKey /2\nAuthorizedKeysFile .ssh/2 /k/%u\n",
        ),
        (
            "/etc/ssh/sshd_config.d/1.conf",
            "HostKey /1\nMatch all\nHostKey /no\n",
        ),
        ("/etc/ssh/sshd_config.d/3.off", "HostKey /3\n"),
    ]);
    assert_eq!(found.host_keys, ["/1", "/2", "/z"].map(PathBuf::from));
    let keys = found.authorized_keys_file(&user()).unwrap();
    assert_eq!(keys, PathBuf::from("/home/a b/.ssh/2"));
}

#[test]
fn files_that_include_each_other_are_refused() {
    let image = Image::empty();
    image.file("/etc/ssh/sshd_config", "Include sshd_config sshd_config\n");
    assert!(image.confined(|root| read(&root)).is_err());
}

#[test]
fn the_first_usable_keys_file_is_taken() {
    for (line, expected) in [
        ("", Some("/home/a b/.ssh/authorized_keys")),
        ("AuthorizedKeysFile none", None),
        ("AuthorizedKeysFile %k .ssh/%%x", Some("/home/a b/.ssh/%x")),
        ("AuthorizedKeysFile %h/.k", Some("/home/a b/.k")),
        (
            "AuthorizedKeysFile /etc/keys/%u/%U",
            Some("/etc/keys/a.b/1000"),
        ),
        ("AuthorizedKeysFile .ssh/keys%", None),
    ] {
        let found = settings(&[("/etc/ssh/sshd_config", line)]);
        let file = found.authorized_keys_file(&user());
        assert_eq!(file, expected.map(PathBuf::from), "{line}");
    }
}

#[test]
fn a_system_without_a_server_has_no_settings() {
    assert_eq!(Image::empty().confined(|root| read(&root)).unwrap(), None);
}

#[test]
fn a_real_configuration_is_read() {
    let Some(samples) = samples("etc/augeas-root") else {
        return;
    };
    let root = Root::open(&samples).unwrap();
    assert_eq!(read(&root).unwrap(), Some(Settings::default()));
}

proptest! {
    #[test]
    fn no_line_makes_it_panic(line in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = directive(&line);
    }

    #[test]
    fn no_quoting_makes_it_panic(line in r#"[a ="'\\#%]{0,20}"#) {
        let _ = directive(line.as_bytes());
        let _ = expanded(line.as_bytes(), &user());
    }
}
