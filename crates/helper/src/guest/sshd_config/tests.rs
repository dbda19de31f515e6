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
        shell: "/bin/sh".into(),
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

fn keys_file(settings: &Settings) -> Option<PathBuf> {
    settings.authorized_keys_file(&user(), &["wheel".into()])
}

#[test]
fn host_keys_add_up_and_those_of_match_blocks_do_not_count() {
    let found = settings(&[(
        "/etc/ssh/sshd_config",
        "HostKey /etc/ssh/a\nHostKeyAlgorithms ssh-rsa\nhostkey b\n\
         Match User x\nHostKey /etc/ssh/c\nAuthorizedKeysFile /d\n",
    )]);
    assert_eq!(found.host_keys, [PathBuf::from("/etc/ssh/a"), "/b".into()]);
    assert_eq!(
        keys_file(&found).unwrap(),
        PathBuf::from("/home/a b/.ssh/authorized_keys")
    );
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
    let keys = keys_file(&found).unwrap();
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
        let file = keys_file(&found);
        assert_eq!(file, expected.map(PathBuf::from), "{line}");
    }
}

/// What sshd itself makes of a configuration, for the user of these tests, who must exist on the
/// machine: root.
fn of_sshd(directory: &Path) -> String {
    // What a running server would have made; without it even this question is refused.
    std::fs::create_dir_all("/run/sshd").unwrap();
    let output = std::process::Command::new("/usr/sbin/sshd")
        .args(["-T", "-C", "user=root,host=h,addr=192.0.2.1", "-f"])
        .arg(directory.join("sshd_config"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn sshd_chooses_the_same_file() {
    let root = User {
        name: "root".into(),
        uid: 0,
        home: "/root".into(),
        ..user()
    };
    let groups = ["root".to_owned()];
    for (number, lines) in [
        "",
        "AuthorizedKeysFile /etc/keys/%u .ssh/x",
        "AuthorizedKeysFile a\nAuthorizedKeysFile b",
        "AuthorizedKeysFile a\nMatch User root\nAuthorizedKeysFile b",
        "Match User root\nAuthorizedKeysFile b\nMatch all\nAuthorizedKeysFile c",
        "Match User nobody,r*t\nAuthorizedKeysFile b",
        "Match User *,!root\nAuthorizedKeysFile b\nMatch Group ro?t\nAuthorizedKeysFile d",
        "Match Group wheel,!root User root\nAuthorizedKeysFile b",
        "Match Group root User root\nPermitRootLogin no\nAuthorizedKeysFile b",
        "Match Address 10.0.0.0/8\nAuthorizedKeysFile b\nMatch all\nAuthorizedKeysFile c",
        "Include DIR/*.conf\nAuthorizedKeysFile late",
        "Match User nobody\nInclude DIR/*.conf\nMatch all\nAuthorizedKeysFile late",
        "PermitRootLogin forced-commands-only\nUsePAM yes\nStrictModes no",
    ]
    .into_iter()
    .enumerate()
    {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        let made = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key)
            .status();
        assert!(made.unwrap().success());
        let place = directory.path().to_str().unwrap();
        let lines = format!(
            "HostKey {}\n{}\n",
            key.display(),
            lines.replace("DIR", place)
        );
        std::fs::write(directory.path().join("sshd_config"), &lines).unwrap();
        let part =
            "Match User nobody\nAuthorizedKeysFile i\nMatch User root\nAuthorizedKeysFile j\n";
        std::fs::write(directory.path().join("part.conf"), part).unwrap();
        let image = Image::empty();
        image
            .file("/etc/ssh/sshd_config", &lines)
            .file(&format!("{place}/part.conf"), part);
        let found = image.confined(|root| read(&root)).unwrap().unwrap();
        let said = of_sshd(directory.path());
        let value = |keyword: &str| {
            let mut lines = said.lines().filter_map(|line| line.split_once(' '));
            lines
                .find(|(name, _)| *name == keyword)
                .unwrap()
                .1
                .to_owned()
        };
        let first = value(KEYS_FILE).split(' ').next().unwrap().to_owned();
        assert_eq!(
            found.authorized_keys_file(&root, &groups),
            expanded(first.as_bytes(), &root),
            "{number}: {lines}"
        );
        assert_eq!(
            found.uses_pam(&root, &groups),
            value(PAM) == "yes",
            "{lines}"
        );
        assert_eq!(
            found.is_strict(&root, &groups),
            value(STRICT) == "yes",
            "{lines}"
        );
        let by_key = ["yes", "without-password", "prohibit-password"];
        let lets_in = by_key.contains(&value(ROOT_LOGIN).as_str());
        assert_eq!(found.lets_root_in(&root, &groups), lets_in, "{lines}");
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
    let found = read(&root).unwrap().unwrap();
    assert!(found.host_keys.is_empty() && found.uses_pam(&user(), &[]));
    let keys = PathBuf::from("/home/a b/.ssh/authorized_keys");
    assert_eq!(keys_file(&found), Some(keys));
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
