//! Images whose digest was asked for.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File, FileTimes};

use snf_image::cancel::Cancel;
use snf_image::source::{Input, Source};
use snf_image::verification::Verifying;
use snf_image_sandbox::User;

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

#[test]
fn a_file_that_was_written_to_between_its_two_readings_is_refused_whatever_time_it_shows() {
    let stage = Stage::set();
    let path = stage.path("disk.img");
    let checks = stage.prepare("disk.img", &asked(digest(&stage, "sha256")));
    let source = Source::open(&path).unwrap();
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    let user = User::lookup("nobody").unwrap();
    let started = Verifying::start(Input::File(source), checks.unwrap(), None, &user);
    let (_input, verifying) = started.unwrap();
    // What is left when it was written to and its time set back; the content fits whenever it is read.
    let file = File::options().write(true).open(&path).unwrap();
    file.set_times(FileTimes::new().set_modified(before))
        .unwrap();
    let refusal = verifying.finish(&Cancel::new().unwrap()).unwrap_err();
    let text = refusal.to_string();
    assert!(
        text.contains("was written to") && text.contains("disk.img"),
        "{text}"
    );
}
