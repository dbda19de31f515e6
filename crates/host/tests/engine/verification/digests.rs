//! Images whose digest was asked for.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;

use crate::verification::stage::{Asked, By, Stage};

fn digest(stage: &Stage, tool: &str) -> String {
    let sums = stage.run(&format!("{tool}sum disk.img"));
    format!("{tool}:{}", sums.split(' ').next().unwrap())
}

fn asked(digest: String) -> Asked<'static> {
    Asked {
        digest: Some(digest),
        ..Asked::default()
    }
}

#[test]
fn an_image_has_the_digest_that_coreutils_find() {
    let stage = Stage::set();
    for by in [By::File, By::Pipe] {
        for tool in ["sha256", "sha512", "sha1", "md5"] {
            let asked = asked(digest(&stage, tool));
            stage.verify("disk.img", by, &asked).unwrap();
        }
    }
}

#[test]
fn another_image_is_refused_with_both_digests() {
    let stage = Stage::set();
    let present = digest(&stage, "sha256");
    let other = format!("sha256:{}", "0".repeat(64));
    for by in [By::File, By::Pipe] {
        let reason = stage
            .verify("disk.img", by, &asked(other.clone()))
            .unwrap_err();
        for part in [
            "sha256",
            &present["sha256:".len()..],
            &other["sha256:".len()..],
        ] {
            assert!(reason.contains(part), "{reason}");
        }
    }
}

#[test]
fn one_flipped_bit_makes_another_image() {
    let stage = Stage::set();
    let asked = asked(digest(&stage, "sha512"));
    let path = stage.path("disk.img");
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    for by in [By::File, By::Pipe] {
        let reason = stage.verify("disk.img", by, &asked).unwrap_err();
        assert!(reason.contains("damaged or another one"), "{reason}");
    }
}
