//! A cache that was damaged, or whose processes were killed.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use snf_image::cache::Identity;
use snf_image::digest::Algorithm;
use snf_image::fetch::Location;
use snf_image::source::Url;

use crate::cache::node::{MIB, Node, digest};

#[test]
fn what_was_damaged_on_disk_is_never_used() {
    let node = Node::set();
    let bytes = node.publish("disk", 3 * MIB, 1);
    let sha256 = digest(Algorithm::Sha256, &bytes);
    for digest in [None, Some(sha256.as_str())] {
        node.get("disk", digest).unwrap();
        let kept = File::options()
            .write(true)
            .open(&node.files("sha256-")[0])
            .unwrap();
        kept.write_all_at(&[!bytes[2 * MIB]], 2 << 20).unwrap();
        let reason = node.get("disk", digest).unwrap_err();
        assert!(
            reason.contains("was damaged and is removed: deploy again"),
            "{reason}"
        );
        assert_eq!(node.list().len(), 0);
        let got = node.get("disk", digest).unwrap();
        assert!(got.bytes == bytes && !got.is_hit);
    }
}

#[test]
fn a_reference_that_was_damaged_says_nothing() {
    let node = Node::set();
    let bytes = node.publish("disk", MIB, 2);
    node.get("disk", None).unwrap();
    for damage in [&b""[..], b"{\"sha256\":\"sha256:00\"}", b"\xff\xfe"] {
        fs::write(&node.files("reference-")[0], damage).unwrap();
        let got = node.get("disk", None).unwrap();
        assert!(got.bytes == bytes && !got.is_hit);
        assert!(node.get("disk", None).unwrap().is_hit);
    }
}

/// The states of the directory between the steps in which an image gets there.
#[test]
fn a_process_that_was_killed_at_any_step_is_no_obstacle() {
    let node = Node::set();
    let bytes = node.publish("disk", MIB, 3);
    let url = Url::parse(&node.web.url("disk")).unwrap();
    let identity = Identity::of_location(&Location::from(&url));
    assert!(!format!("{identity}").contains("hunter2"));
    node.get("disk", None).unwrap();
    let reference = node.files("reference-").remove(0);
    let hash = reference.file_name().unwrap().to_string_lossy()["reference-".len()..].to_owned();
    let kept = node.files("sha256-").remove(0);
    let path = |name: &str| node.path("cache").join(format!("{name}{hash}"));

    let half = || fs::write(path("part-"), &bytes[..MIB / 2]).unwrap();
    let whole = || fs::write(path("part-"), &bytes).unwrap();
    let clear = || {
        for path in [&reference, &kept, &path("part-"), &path("new-reference-")] {
            let _ = fs::remove_file(path);
        }
    };
    for (step, stop, is_hit) in [
        ("while it comes", &(|| half()) as &dyn Fn(), false),
        ("before it has its name", &|| whole(), false),
        (
            "before its reference",
            &|| fs::write(&kept, &bytes).unwrap(),
            false,
        ),
        (
            "within its reference",
            &|| {
                fs::write(&kept, &bytes).unwrap();
                fs::write(path("new-reference-"), "{\"sha").unwrap();
            },
            false,
        ),
    ] {
        clear();
        stop();
        let got = node.get("disk", None).unwrap();
        assert!(got.bytes == bytes, "{step}");
        assert_eq!(got.is_hit, is_hit, "{step}");
        assert!(node.get("disk", None).unwrap().is_hit, "{step}");
        node.cache().prune(false).unwrap();
        assert_eq!(node.list().len(), 1, "{step}");
        let left = node.files("part-").len() + node.files("new-reference-").len();
        assert_eq!(left, 0, "{step}");
    }
    // Removed, but for its reference.
    fs::remove_file(&kept).unwrap();
    assert!(!node.get("disk", None).unwrap().is_hit);
}

#[test]
fn a_directory_that_cannot_be_used_costs_nothing_but_time() {
    let node = Node::set();
    let bytes = node.publish("disk", MIB, 4);
    node.cache();
    // Where a file should be is a directory.
    fs::create_dir(node.path("cache/lock")).unwrap();
    let got = node.get("disk", None).unwrap();
    assert!(got.bytes == bytes && !got.is_hit);
}
