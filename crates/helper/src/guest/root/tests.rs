//! Tests of the root that cannot be left.
// SPDX-License-Identifier: BSD-2-Clause

use proptest::prelude::*;
use rustix::mount::{MountFlags, mount};

use super::super::testing::Image;
use super::*;

const PLAIN: Attributes = Attributes::of_root(0o644);

#[test]
fn a_path_means_the_same_with_and_without_its_slash() {
    let image = Image::empty();
    image.file("/etc/a", "a");
    image.confined(|root| {
        for path in ["/etc/a", "etc/a", "/../etc/./a", "//etc//a"] {
            assert_eq!(root.read(path, 1).unwrap().unwrap(), b"a", "{path}");
        }
        assert!(root.read("/etc/a", 0).is_err());
    });
}

#[test]
fn what_does_not_exist_is_nothing() {
    let image = Image::empty();
    image.file("/file", "").link("/dangling", "none");
    image.confined(|root| {
        for path in ["/none", "/none/a", "/file/a", "/dangling", "/dangling/a"] {
            assert_eq!(root.read(path, FILE_LIMIT).unwrap(), None, "{path}");
            assert!(!root.exists(path), "{path}");
        }
        assert!(root.directory("/none").unwrap().is_none());
        assert!(root.list("/none").unwrap().is_empty());
        assert!(!root.remove("/none/a").unwrap());
        assert!(root.remove("/dangling").unwrap());
    });
}

#[test]
fn a_directory_is_named_and_a_file_is_not() {
    let image = Image::empty();
    image.file("/etc/a", "").link("/config", "/etc");
    image.confined(|root| {
        assert_eq!(root.list("/config").unwrap(), ["a"]);
        assert!(root.directory("/config").unwrap().is_some());
        assert!(root.directory("/").unwrap().is_some());
        let error = |path| root.directory(path).unwrap_err().to_string();
        assert_eq!(
            error("/etc/a"),
            "/etc/a of the image is a regular file, not a directory"
        );
        assert_eq!(
            error("/etc/a/b"),
            "a part of the path /etc/a/b of the image is not a directory"
        );
    });
}

#[test]
fn a_magic_link_of_proc_is_not_followed() {
    let root = Root::open(Path::new("/")).unwrap();
    assert!(root.directory("/proc/self/root/etc").is_err());
    assert!(!root.exists("/proc/self/fd/0"));
}

#[test]
fn a_name_that_is_taken_is_left_alone() {
    let image = Image::empty();
    image
        .file("/.snf-image-0.new", "mine")
        .link("/.snf-image-1.new", "a");
    let install = |content: &'static str| {
        image.confined(move |root| root.install("/a", content.as_bytes(), PLAIN))
    };
    install("new").unwrap();
    assert_eq!(image.text("/.snf-image-0.new"), "mine");
    assert!(image.path("/.snf-image-1.new").is_symlink());
    assert_eq!(image.text("/a"), "new");
    for number in 2..1000 {
        image.file(&format!("/.snf-image-{number}.new"), "");
    }
    assert!(install("newer").is_err());
    assert_eq!(image.text("/a"), "new");
}

#[test]
fn an_id_that_nobody_can_have_is_refused() {
    let image = Image::empty();
    let nobody = Attributes {
        owner: u32::MAX,
        ..PLAIN
    };
    let before = image.everything();
    assert!(
        image
            .confined(|root| root.install("/a", b"new", nobody))
            .is_err()
    );
    assert_eq!(image.everything(), before);
}

#[test]
fn a_full_file_system_keeps_the_old_file_whole() {
    let old = vec![b'o'; 40 * 1024];
    Image::empty().confined(|_| {
        mount("tmpfs", "/image", "tmpfs", MountFlags::empty(), c"size=64k").unwrap();
        let root = Root::open(Path::new("/image")).unwrap();
        root.install("/file", &old, PLAIN).unwrap();
        let result = root.rewrite("/file", &[b'n'; 40 * 1024], PLAIN);
        let error = result.unwrap_err().to_string();
        let expected = "writing /file of the image: No space left";
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(root.read("/file", FILE_LIMIT).unwrap().unwrap(), old);
        assert_eq!(root.list("/").unwrap(), ["file"]);
    });
}

#[test]
fn a_removed_file_takes_only_its_link_along() {
    let image = Image::empty();
    image
        .file("/a", "")
        .link("/b", "a")
        .link("/c", "b")
        .directory("/directory");
    assert!(image.confined(|root| root.remove("/c")).unwrap());
    assert!(!image.path("/a").exists());
    assert!(image.path("/b").is_symlink());
    assert!(!image.path("/c").is_symlink());
    assert!(image.confined(|root| root.remove("/directory")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever links an image holds, nothing outside it is read, changed or made.
    #[test]
    fn no_web_of_links_leads_out(
        targets in prop::collection::vec(
            prop::collection::vec(0..7usize, 1..4), 4..5),
        path in prop::collection::vec(0..5usize, 1..5),
    ) {
        let image = Image::empty();
        let outside = image.outside("");
        let steps = ["..", "a", "b", "c", "d", outside.trim_end_matches('/'), ""];
        for (name, target) in ["a", "b", "c", "d"].iter().zip(&targets) {
            let target: Vec<_> = target.iter().map(|step| steps[*step]).collect();
            let target = target.join("/");
            if target.is_empty() {
                image.file(name, "inside");
            } else {
                image.link(name, &target);
            }
        }
        let path: Vec<_> = path.iter().map(|step| steps[*step]).collect();
        for path in [path.join("/"), format!("{}/shadow", path.join("/"))] {
            let (done, _) = image.run(
                |context| {
                    let parameters = context.parameters;
                    let path = parameters.authorized_keys.first().unwrap();
                    let root = context.root()?;
                    if let Ok(Some(content)) = root.read(path, FILE_LIMIT) {
                        assert_ne!(content, b"outside\n");
                    }
                    let _ = root.make_directories(path, PLAIN);
                    let _ = root.rewrite(path, b"inside", PLAIN);
                    let _ = root.install(path, b"inside", PLAIN);
                    let _ = root.remove(path);
                    Ok(crate::run::context::Done::Yes)
                },
                &snf_image_protocol::Parameters {
                    authorized_keys: vec![path],
                    ..super::super::testing::nothing()
                },
            );
            prop_assert!(done.is_ok());
        }
    }
}
