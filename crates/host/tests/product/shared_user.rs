//! A user that is not the helper's alone is told of.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::process::Command;

#[test]
fn a_check_of_the_helper_warns_of_a_user_that_runs_other_things() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    for (user, is_told) in [("nobody", true), ("daemon", false)] {
        let missing = folder.path().join("helper");
        let settings = format!("HELPER_USER={user}\nHELPER_DIR={}\n", missing.display());
        fs::write(&config, settings).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_snf-image"))
            .arg("--config")
            .arg(&config)
            .args(["helper", "check"])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(told.contains("HELPER_USER is nobody"), is_told, "{told}");
    }
}
