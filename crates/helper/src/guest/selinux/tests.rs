//! Labels, held against what libselinux says of the same policy.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::super::root::Attributes;
use super::super::testing::Image;
use super::*;

const TABLES: &str = "/etc/selinux/targeted/contexts/files/file_contexts";
const NEW: Attributes = Attributes::of_root(0o644);

fn with(tables: &[(&str, &str)]) -> Image {
    let image = Image::empty();
    image.file(
        "/etc/selinux/config",
        "# x\nSELINUX=enforcing\nSELINUXTYPE=targeted\n",
    );
    for (suffix, table) in tables {
        image.file(&format!("{TABLES}{suffix}"), table);
    }
    image
}

/// What matchpathcon(8) says of paths under the tables of an image.
fn oracle(image: &Image, kind: &str, paths: &[String]) -> BTreeMap<String, String> {
    let output = Command::new("matchpathcon")
        .args(["-N", "-m", kind, "-f"])
        .arg(image.path(TABLES))
        .args(paths)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let pairs = said.lines().filter_map(|line| line.split_once('\t'));
    pairs
        .map(|(path, label)| (path.into(), label.into()))
        .collect()
}

fn agrees(image: &Image, paths: &[String]) {
    let policy = image.confined(|root| Policy::read(&root).unwrap());
    for (kind, name) in [
        (FileType::RegularFile, "file"),
        (FileType::Directory, "dir"),
        (FileType::Symlink, "lnk_file"),
    ] {
        let expected = oracle(image, name, paths);
        for path in paths {
            let ours = match policy.label(Path::new(path), kind) {
                Verdict::Label(label) => label,
                Verdict::Inherit => "<<none>>".into(),
                Verdict::Unknown => panic!("{path} is not known"),
            };
            let theirs = expected.get(path).map_or("<<none>>", String::as_str);
            assert_eq!(ours, theirs, "{path} as {name}");
        }
    }
}

#[test]
fn the_last_line_that_fits_counts_and_literal_paths_before_patterns() {
    let image = with(&[
        (
            "",
            "/.* u:r:default:s0\n/etc(/.*)? u:r:etc:s0\n/etc/passwd -- u:r:literal:s0\n\
             /etc/pass.* u:r:pattern:s0\n/etc/ssh/ssh_host.*_key(\\.pub)? -- u:r:key:s0\n\
             /etc/a|/etc/b u:r:either:s0\n/proc/.* <<none>>\n/usr/s?bin/x u:r:x:s0\n\
             /etc/\\.pwd\\.lock -- u:r:lock:s0\n",
        ),
        (
            ".homedirs",
            "/home/[^/]+/\\.ssh(/.*)? user_u:r:ssh_home:s0\n/root/\\.ssh(/.*)? r:r:h:s0\n",
        ),
        (
            ".local",
            "/etc/hosts -- u:r:local:s0\n/srv(/.*)? u:r:srv:s0\n",
        ),
        (".subs", "/export/home /home\n/data /srv\n"),
        (
            ".subs_dist",
            "/bin /usr/bin\n/usr/lib64 /usr/lib\n/data /etc\n",
        ),
    ]);
    let paths = [
        "/etc/passwd",
        "/etc/passwd-",
        "/etc/shadow",
        "/etc/ssh/ssh_host_rsa_key",
        "/etc/ssh/ssh_host_rsa_key.pub",
        "/etc/a",
        "/etc/b",
        "/etc/bc",
        "/x/etc/b",
        "/proc/1",
        "/usr/bin/x",
        "/usr/sbin/x",
        "/usr/bin",
        "/bin/x",
        "/etc/.pwd.lock",
        "/etc",
        "/",
        "/home/user/.ssh/authorized_keys",
        "/root/.ssh",
        "/export/home/user/.ssh",
        "/etc/hosts",
        "/data/x",
        "/data",
        "/usr/lib64/x",
        "/srv",
        "/srv/a/b",
    ];
    agrees(&image, &paths.map(String::from));
}

/// The policy of Debian, if its package is there.
fn debian() -> Option<Image> {
    let tables = PathBuf::from("/etc/selinux/default/contexts/files");
    let read = |suffix: &str| fs::read_to_string(tables.join(format!("file_contexts{suffix}")));
    let Ok(main) = read("") else {
        eprintln!("skipped: the package selinux-policy-default is not installed");
        return None;
    };
    let image = with(&[("", &main)]);
    for suffix in [".homedirs", ".subs_dist", ".local"] {
        if let Ok(table) = read(suffix) {
            image.file(&format!("{TABLES}{suffix}"), table);
        }
    }
    Some(image)
}

#[test]
fn a_real_policy_gives_the_labels_that_libselinux_reads_in_it() {
    let Some(image) = debian() else { return };
    let mut paths: Vec<_> = [
        "/etc/hostname",
        "/etc/hosts",
        "/etc/shadow",
        "/etc/passwd",
        "/etc/fstab",
        "/etc/machine-id",
        "/etc/ssh/ssh_host_rsa_key",
        "/etc/ssh/ssh_host_rsa_key.pub",
        "/root/.ssh/authorized_keys",
        "/home/user/.ssh/authorized_keys",
        "/home/user/.ssh",
        "/etc/network/interfaces.d/x",
        "/etc/NetworkManager/system-connections/x.nmconnection",
        "/etc/systemd/network/x.network",
        "/etc/sysconfig/network-scripts/ifcfg-eth0",
        "/etc/netplan/x.yaml",
        "/etc/resolv.conf",
        "/etc/udev/rules.d/70-x.rules",
        "/var/lib/dbus/machine-id",
        "/etc/sudoers.d/x",
        "/var/lib/cloud/seed/nocloud/user-data",
        "/srv/www/index.html",
        "/opt/x/bin/y",
        "/bin/sh",
        "/lib/systemd/system/x.service",
        "/etc/cron.d/x",
        "/usr/local/bin/x",
        "/boot/grub/grub.cfg",
    ]
    .map(String::from)
    .into();
    // And what the policy itself speaks of, one line in forty.
    let table = image.text(TABLES);
    let patterns = table
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().next());
    for pattern in patterns.step_by(40) {
        let literal: String = pattern
            .chars()
            .take_while(|sign| !"([*?.{+|\\".contains(*sign))
            .collect();
        if literal.starts_with('/') && literal.len() > 1 {
            paths.push(literal.trim_end_matches('/').to_owned());
            paths.push(format!("{}/x.conf", literal.trim_end_matches('/')));
        }
    }
    agrees(&image, &paths);
}

#[test]
fn what_is_made_carries_its_label_and_what_is_replaced_keeps_its_own() {
    let image = with(&[(
        "",
        "/etc(/.*)? u:r:etc:s0\n/etc/shadow -- u:r:shadow:s0\n/etc/new -d u:r:dir:s0\n\
         /etc/link -l u:r:link:s0\n",
    )]);
    image.file("/etc/old", "");
    let set = |path: &str, label: &[u8]| {
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::lsetxattr(image.path(path), c"security.selinux", label, flags).unwrap();
    };
    set("/etc/old", b"u:r:own:s0\0");
    // Outside of the confinement of other tests: the kernel tells paths in /proc.
    let root = Root::open(&image.path("/")).unwrap();
    root.rewrite("/etc/shadow", b"x", NEW).unwrap();
    root.rewrite("/etc/old", b"x", NEW).unwrap();
    root.make_directories("/etc/new", Attributes::of_root(0o755))
        .unwrap();
    root.make_link("/etc/link", "new").unwrap();
    // Through a link to a directory: what counts is where the file lies.
    image.link("/config", "/etc");
    root.install("/config/hostname", b"x", NEW).unwrap();
    let label = |path: &str| {
        let mut value = Vec::with_capacity(256);
        let buffer = rustix::buffer::spare_capacity(&mut value);
        rustix::fs::lgetxattr(image.path(path), c"security.selinux", buffer).unwrap();
        String::from_utf8(value).unwrap()
    };
    for (path, expected) in [
        ("/etc/shadow", "u:r:shadow:s0\0"),
        ("/etc/old", "u:r:own:s0\0"),
        ("/etc/new", "u:r:dir:s0\0"),
        ("/etc/link", "u:r:link:s0\0"),
        ("/etc/hostname", "u:r:etc:s0\0"),
    ] {
        assert_eq!(label(path), expected, "{path}");
    }
    assert!(root.unlabelled().is_empty(), "{:?}", root.unlabelled());
}

#[test]
fn hostile_tables_give_no_label() {
    for (config, unknown) in [
        ("SELINUX=enforcing\nSELINUXTYPE=../../x\n", true),
        ("SELINUX=enforcing\nSELINUXTYPE=\n", true),
        ("SELINUX=Disabled\n", false),
    ] {
        let image = with(&[("", "/.* u:r:x:s0\n")]);
        image.file("/etc/selinux/config", config);
        let policy = image.confined(|root| Policy::read(&root));
        let verdict = policy.map(|policy| policy.label(Path::new("/x"), FileType::RegularFile));
        assert_eq!(verdict, unknown.then_some(Verdict::Unknown), "{config}");
    }
    let image = with(&[]);
    image.fifo(TABLES);
    let policy = image.confined(|root| Policy::read(&root).unwrap());
    assert_eq!(
        policy.label(Path::new("/x"), FileType::Directory),
        Verdict::Unknown
    );
}
