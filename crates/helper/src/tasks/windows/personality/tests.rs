//! Files put into Windows, and what they may not replace.
// SPDX-License-Identifier: BSD-2-Clause

use std::time::Duration;

use snf_image_protocol::{Account, FileMode, GuestPath, InjectedFile, Parameters};

use super::super::tests::{asked, failure, run_all, run_one, windows, with_cloudbase_init};
use super::*;
use crate::guest::testing::Image;
use crate::guest::windows::first_boot::SETUP_COMPLETE;

/// What is asked for elsewhere, with files whose content is `new`.
fn with_files(image: &Image, paths: &[&str]) -> Parameters {
    std::fs::write(image.parameters_dir().join("0"), "new").unwrap();
    let file = |path: &&str| InjectedFile {
        path: GuestPath::new(path).unwrap(),
        owner: Account::Name("root".into()),
        group: Account::Id(0),
        mode: FileMode::DEFAULT,
        content: "0".into(),
    };
    Parameters {
        personality: paths.iter().map(file).collect(),
        ..asked()
    }
}

/// The copies that were kept of a file.
fn kept(image: &Image, directory: &str, name: &str) -> usize {
    std::fs::read_dir(image.path(directory))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|kept| kept.starts_with(&format!("{name}.bak.")))
        .count()
}

#[test]
fn a_time_is_written_as_a_calendar_has_it() {
    // From `date -u -d @SECONDS +%Y%m%d.%H%M%S`.
    for (seconds, text) in [
        (0, "19700101.000000"),
        (951_782_399, "20000228.235959"),
        (951_782_400, "20000229.000000"),
        (1_709_251_199, "20240229.235959"),
        (4_102_444_800, "21000101.000000"),
    ] {
        let time = UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(stamp(time), text);
    }
}

#[test]
fn injected_files_keep_what_was_there() {
    let image = windows();
    image.file("/Users/a.txt", "old");
    let parameters = with_files(&image, &["/Users/a.txt", "/new/b.txt"]);
    run_all(&image, &parameters).unwrap();
    assert_eq!(
        image.text("/Users/a.txt") + &image.text("/new/b.txt"),
        "newnew"
    );
    assert_eq!(kept(&image, "/Users", "a.txt"), 1);
    for path in ["/Users/a:stream", "/Users/a.", "/c\\d"] {
        let image = windows();
        let parameters = with_files(&image, &[path]);
        assert!(
            failure(&image, &parameters).contains("no such names"),
            "{path}"
        );
    }
}

#[test]
fn what_setup_runs_at_its_end_still_runs_our_steps_when_it_is_injected() {
    let image = windows();
    let parameters = with_files(&image, &[SETUP_COMPLETE]);
    run_all(&image, &parameters).unwrap();
    let text = image.text(SETUP_COMPLETE);
    assert!(
        text.contains("first-boot.ps1") && text.ends_with("end\r\nnew"),
        "{text}"
    );
    assert!(!text.contains("(goto)"), "{text}");
    // Without steps it is what was injected.
    let image = windows();
    let parameters = with_files(&image, &[SETUP_COMPLETE]);
    image.run(run_one::<4>, &parameters).0.unwrap();
    assert_eq!(image.text(SETUP_COMPLETE), "new");
}

#[test]
fn nothing_of_this_deployment_is_replaced() {
    for (path, words) in [
        ("/unattend.XML", "os_answer_file"),
        (
            "/WINDOWS/panther/UNATTEND/Autounattend.xml",
            "os_answer_file",
        ),
        (
            "/Windows/Setup/Scripts/SNF-image/first-boot.ps1",
            "FIRST_BOOT_SCRIPT",
        ),
        (
            "/windows/setup/scripts/snf-image-last/x",
            "FIRST_BOOT_SCRIPT",
        ),
    ] {
        let image = windows();
        let parameters = with_files(&image, &["/Users/a.txt", path]);
        let error = failure(&image, &parameters);
        assert!(error.contains(path) && error.contains(words), "{error}");
        assert!(!image.path("/Users/a.txt").exists(), "{path}");
    }
    let image = windows();
    let parameters = with_files(&image, &["/localscripts/00-SNF-image.ps1"]);
    let (done, _) = image.run(with_cloudbase_init::<4>, &parameters);
    let error = done.unwrap_err().to_string();
    assert!(error.contains("FIRST_BOOT_SCRIPT"), "{error}");
    // Where no task writes an answer file, one may come this way.
    let image = windows();
    let parameters = with_files(&image, &["/Unattend.xml"]);
    image.run(run_one::<4>, &parameters).0.unwrap();
    assert_eq!(image.text("/Unattend.xml"), "new");
}
