//! Every kind of Windows, through the helper VM.
// SPDX-License-Identifier: BSD-2-Clause

use super::*;

/// The files that a name, a password and what a Windows has by itself make or change.
const CHANGED: [&str; 5] = [
    "Windows/Panther/Unattend.xml",
    "Windows/Setup/Scripts/SetupComplete.cmd",
    "Windows/Setup/Scripts/snf-image/10-accounts.ps1",
    "Windows/Setup/Scripts/snf-image/90-remote-desktop.ps1",
    "Windows/Setup/Scripts/snf-image/first-boot.ps1",
];

#[test]
#[ignore = "a VM for each of seventeen kinds: cargo xtask test --slow"]
fn every_kind_gets_its_answers_and_nothing_else_changes() {
    let Some(scene) = Scene::set() else { return };
    let password = scene.write("password", "correct horse\n").unwrap();
    for edition in windows::KINDS {
        let kind = edition.product;
        let volume = volume(&scene, edition);
        let image = mbr(&scene, &volume);
        let arguments = [
            "--size=96M".to_owned(),
            "--hostname=vm1.example.org".to_owned(),
            format!("--password-file={}", password.display()),
        ];
        let outcome = scene.deploy(&image, "disk", arguments).unwrap();
        if edition.version.starts_with('5') {
            assert_eq!(outcome.code, Some(1), "{kind}");
            assert!(outcome.stderr.contains("before Vista"), "{kind}");
            continue;
        }
        outcome.succeeded();
        let result = last(&scene, "disk");
        assert_eq!(ntfs::problems(&result).unwrap(), "", "{kind}");
        assert!(ntfs::state(&result).unwrap().0 > 92 * MIB, "{kind}");
        let changed = changed_files(&volume, &result);
        let is_expected = |name: &String| CHANGED.contains(&name.as_str());
        assert!(
            changed.iter().any(|name| name == CHANGED[0]),
            "{kind}: {changed:?}"
        );
        assert!(changed.iter().all(is_expected), "{kind}: {changed:?}");
        let architecture = edition.architecture.to_ascii_lowercase();
        let name = answer(&scene, &result, &architecture, "ComputerName");
        assert_eq!(name, "vm1", "{kind}");
        registry_is_the_same_but_for_remote_desktop(&scene, &volume, &result);
        fs::remove_file(scene.path("disk")).unwrap();
    }
}
