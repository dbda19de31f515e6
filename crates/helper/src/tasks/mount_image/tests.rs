//! Mount points of fstab(5) that need no disk.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;

use super::*;
use crate::disk::mount::unmount_all;
use crate::guest::root::Attributes;
use crate::guest::testing::nothing;
use crate::run::testing::{Warnings, apart, context};

/// Mounts what a table says on a tree with these directories, does some work there, and gives what
/// was told.
fn mounted(
    directories: &[&str],
    table: &str,
    work: impl FnOnce(&Root) + Send,
) -> (tempfile::TempDir, Result<Vec<String>>) {
    let image = tempfile::tempdir().unwrap();
    for name in directories {
        fs::create_dir_all(image.path().join(name)).unwrap();
    }
    let result = apart(|| {
        mount_bind(image.path(), image.path()).unwrap();
        let root = Root::open(image.path()).unwrap();
        let parameters = nothing();
        let mut told = Warnings::default();
        let mut context = context(&parameters, &mut told);
        let entries = fstab::parse(table.as_bytes());
        let result = mount_entries(&mut context, &root, entries, &mut Encrypted::default());
        drop(context);
        work(&root);
        drop(root);
        unmount_all(image.path()).unwrap();
        result.map(|()| told.0)
    });
    (image, result)
}

#[test]
fn what_is_written_at_a_bind_mount_lies_in_the_directory_that_the_machine_shows_there() {
    let table = "/data/home /home none bind 0 0\n/missing /srv none bind 0 0\n";
    let (image, told) = mounted(&["data/home", "home", "srv"], table, |root| {
        let file = Attributes::of_root(0o644);
        root.install("/home/key", b"key", file).unwrap();
    });
    let key = fs::read(image.path().join("data/home/key")).unwrap();
    assert_eq!(key, b"key");
    assert!(!image.path().join("home/key").exists());
    let told = told.unwrap();
    assert!(told[0].contains("/missing"), "{told:?}");
}

#[test]
fn below_what_only_the_machine_mounts_nothing_is_written() {
    let table = "server:/home /home nfs defaults 0 0\ntmpfs /tmp tmpfs defaults 0 0\n\
        /home/x /srv none bind 0 0\nnas:/opt /opt nfs noauto 0 0\n";
    let (image, told) = mounted(&["home/x", "tmp", "srv", "opt"], table, |root| {
        for (path, is_writable) in [
            ("/home", false),
            ("/tmp", false),
            ("/srv", false),
            ("/opt", true),
        ] {
            assert_eq!(root.is_writable(path).unwrap(), is_writable, "{path}");
        }
    });
    let told = told.unwrap();
    assert!(told[0].contains("server:/home (network)"), "{told:?}");
    assert!(image.path().join("home/x").exists());
}

#[test]
fn an_image_whose_own_state_lies_on_a_server_is_refused() {
    let (_, result) = mounted(&["var"], "server:/var /var nfs defaults 0 0", |_| {});
    let error = result.unwrap_err().to_string();
    for words in ["/var of the image", "network", "EXCLUDE_MOUNTED_TASKS"] {
        assert!(error.contains(words), "{error}");
    }
}
