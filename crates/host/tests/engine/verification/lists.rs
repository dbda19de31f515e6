//! Lists of digests in files and behind URLs.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;

use snf_image_testkit::web::Web;

use crate::verification::stage::{Asked, By, Stage};

fn list(name: &str) -> Asked<'_> {
    Asked {
        list: Some(name),
        ..Asked::default()
    }
}

#[test]
fn an_image_is_what_a_list_of_its_publisher_says() {
    let stage = Stage::set();
    stage.run("echo other > other.img");
    stage.run("sha256sum *.img > SHA256SUMS; sha512sum --binary *.img > SHA512SUMS");
    stage.run("sha256sum --tag *.img > CHECKSUM; sha256sum < disk.img > disk.img.sha256");
    stage.run("sha512sum disk.img | cut -d ' ' -f 1 > lone; md5sum *.img > MD5SUMS");
    for name in [
        "SHA256SUMS",
        "SHA512SUMS",
        "CHECKSUM",
        "disk.img.sha256",
        "lone",
        "MD5SUMS",
    ] {
        for by in [By::File, By::Pipe] {
            stage.verify("disk.img", by, &list(name)).unwrap();
        }
    }
    stage.run("printf x >> disk.img");
    for name in ["SHA256SUMS", "lone"] {
        let reason = stage.verify("disk.img", By::File, &list(name)).unwrap_err();
        assert!(reason.contains("as was asked for"), "{reason}");
    }
}

#[test]
fn a_list_that_does_not_help_is_refused_before_anything_is_read() {
    let stage = Stage::set();
    stage.run("echo x > other.img; sha256sum other.img > SHA256SUMS; : > empty");
    stage.run("echo '<html>404</html>' > page; yes | head -c 1100000 > large");
    stage.run("(echo a; echo b) | while read x; do echo $x | sha256sum | sed \"s|-|$x/disk.img|\"; done > two");
    for (name, words) in [
        (
            "SHA256SUMS",
            "no digest of \"disk.img\", only of \"other.img\"",
        ),
        ("empty", "it holds no digest"),
        ("page", "it holds no digest"),
        ("large", "is larger than 1048576 bytes"),
        (
            "two",
            "several digests of \"disk.img\": \"a/disk.img\", \"b/disk.img\"",
        ),
        ("nothing", "No such file"),
        (".", "is not a regular file"),
    ] {
        let reason = stage.prepare("disk.img", &list(name)).unwrap_err();
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn a_list_is_fetched_under_the_rules_for_images() {
    let mut stage = Stage::set();
    stage.run("sha256sum disk.img > SHA256SUMS; yes | head -c 1100000 > large");
    let web = Web::over(&stage.path("")).unwrap();
    let url = web.url("SHA256SUMS");
    stage.verify("disk.img", By::Pipe, &list(&url)).unwrap();
    for (name, words) in [
        ("nothing", "status 404"),
        ("large", "larger than 1048576 bytes"),
    ] {
        let reason = stage
            .prepare("disk.img", &list(&web.url(name)))
            .unwrap_err();
        assert!(reason.contains(words), "{reason}");
    }
    stage.settings.fetch_allow.clear();
    let reason = stage.prepare("disk.img", &list(&url)).unwrap_err();
    assert!(reason.contains("FETCH_ALLOW"), "{reason}");
}

#[test]
fn a_node_can_insist_on_digests() {
    let mut stage = Stage::set();
    stage.settings.require_digest = true;
    stage.run("md5sum disk.img > MD5SUMS; sha256sum disk.img > SHA256SUMS");
    stage.prepare("disk.img", &list("SHA256SUMS")).unwrap();
    let digest = fs::read_to_string(stage.path("SHA256SUMS")).unwrap();
    let digest = Asked {
        digest: Some(format!("sha256:{}", &digest[..64])),
        ..Asked::default()
    };
    stage.prepare("disk.img", &digest).unwrap();
    for (asked, words) in [
        (
            Asked::default(),
            "an image needs a digest or a signature here",
        ),
        (
            list("MD5SUMS"),
            "an image needs a sha256 or sha512 digest here",
        ),
    ] {
        let reason = stage.prepare("disk.img", &asked).unwrap_err();
        assert!(
            reason.contains("REQUIRE_DIGEST=yes") && reason.contains(words),
            "{reason}"
        );
    }
    stage.settings.require_signature = true;
    let reason = stage.prepare("disk.img", &digest).unwrap_err();
    assert!(reason.contains("REQUIRE_SIGNATURE=yes"), "{reason}");
}
