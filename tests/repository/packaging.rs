//! What the packages bring along is what the system that reads it takes.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use snf_image_testkit::tool::Tool;

const UNIT: &str = "snf-image-helper.service";

fn unit() -> String {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging");
    fs::read_to_string(packaging.join("snf-image-helper").join(UNIT)).unwrap()
}

#[test]
fn systemd_takes_every_line_of_the_helper_s_unit() {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    for directory in ["usr/bin", "usr/lib/systemd/system"] {
        fs::create_dir_all(at(directory)).unwrap();
    }
    let program = at("usr/bin/snf-image-helper");
    fs::write(&program, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let verify = |text: &str| {
        fs::write(at("usr/lib/systemd/system").join(UNIT), text).unwrap();
        Tool::new("systemd-analyze")
            .args(["verify", "--man=no", "--recursive-errors=no"])
            .arg(format!("--root={}", root.path().display()))
            .arg(UNIT)
            .run()
    };
    verify(&unit()).unwrap();
    // It does complain where there is something wrong.
    verify(&unit().replace("TTYPath", "TTTYPath")).unwrap_err();
}

#[test]
fn the_helper_s_unit_starts_nothing_on_a_machine_that_is_no_helper() {
    let unit = unit();
    let conditions: Vec<_> = unit
        .lines()
        .filter(|line| line.starts_with("ConditionKernelCommandLine"))
        .collect();
    assert_eq!(conditions.len(), 1);
    let analyze = Tool::new("systemd-analyze").arg("condition");
    analyze.args(&conditions).run().unwrap_err();
}
