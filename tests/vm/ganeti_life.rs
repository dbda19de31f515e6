//! The scripts `rename`, `export` and `import`: an instance that is renamed, saved, restored.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use harness::{Scene, Script};
use snf_image_testkit::disk::gpt_problems;
use snf_image_testkit::tree;

/// An instance on the file `disk`, installed.
fn installed(scene: &Scene) -> Script<'_> {
    scene.small_image(tree::debian).unwrap();
    scene.blank("disk", 96).unwrap();
    let script = scene.script("").unwrap().with_disks(&["disk"]);
    script
        .clone()
        .with_image()
        .run("create")
        .unwrap()
        .succeeded();
    script
}

fn text(scene: &Scene, file: &str) -> String {
    scene.root_of("disk").unwrap().text(file).unwrap()
}

#[test]
fn a_rename_changes_the_host_name_and_nothing_else() {
    let Some(scene) = Scene::set() else { return };
    let script = installed(&scene);
    let files = [
        "/etc/machine-id",
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/shadow",
    ];
    let before = files.map(|file| text(&scene, file));
    // As after a reinstall: Ganeti has forgotten every parameter.
    let outcome = script
        .with("INSTANCE_NAME", "other.example.org")
        .with("OLD_INSTANCE_NAME", "inst1.example.org")
        .run("rename")
        .unwrap();
    outcome.succeeded();
    assert_eq!(text(&scene, "/etc/hostname"), "other.example.org\n");
    assert_eq!(files.map(|file| text(&scene, file)), before);
    assert_eq!(scene.root_of("disk").unwrap().problems().unwrap(), "");
    for task in ["FixPartitionTable", "ChangePassword", "DeleteSSHKeys"] {
        assert!(!outcome.stderr.contains(task), "{}", outcome.stderr);
    }
}

#[test]
fn a_rename_that_is_not_wanted_or_has_no_disk_does_nothing() {
    let Some(scene) = Scene::set() else { return };
    scene.write("disk", vec![0; 4096]).unwrap();
    let script = scene
        .script("")
        .unwrap()
        .with_disks(&["disk"])
        .with("OLD_INSTANCE_NAME", "old");
    let excluded = r#"{"EXCLUDE_TASK_ASSIGNHOSTNAME": true}"#;
    script
        .clone()
        .with("OSP_IMG_PROPERTIES", excluded)
        .run("rename")
        .unwrap()
        .succeeded();
    script
        .clone()
        .with("DISK_COUNT", "0")
        .run("rename")
        .unwrap()
        .succeeded();
    script
        .run("rename")
        .unwrap()
        .failed_with(&["no partition table"]);
}

fn export(script: &Script<'_>, device: &Path, output: &Path) -> harness::Outcome {
    let script = script
        .clone()
        .with("EXPORT_DEVICE", &device.display().to_string())
        .with("EXPORT_INDEX", "0");
    let mut command = script.command("export");
    let output = command
        .stdout(File::create(output).unwrap())
        .stderr(Stdio::piped())
        .output();
    output.unwrap().into()
}

fn import(script: &Script<'_>, device: &Path, index: &str, input: &Path) -> harness::Outcome {
    let script = script
        .clone()
        .with("IMPORT_DEVICE", &device.display().to_string())
        .with("IMPORT_INDEX", index);
    let mut command = script.command("import");
    command
        .stdin(File::open(input).unwrap())
        .output()
        .unwrap()
        .into()
}

#[test]
fn a_disk_comes_back_byte_for_byte_and_a_larger_one_is_grown() {
    let Some(scene) = Scene::set() else { return };
    let script = installed(&scene);
    let (disk, saved) = (scene.path("disk"), scene.path("saved"));
    export(&script, &disk, &saved).succeeded();
    let bytes = fs::read(&saved).unwrap();
    assert!(bytes == fs::read(&disk).unwrap());

    fs::write(scene.path("same"), vec![0xaa; 96 << 20]).unwrap();
    import(&script, &scene.path("same"), "0", &saved).succeeded();
    assert!(fs::read(scene.path("same")).unwrap() == bytes);

    scene.blank("larger", 192).unwrap();
    import(&script, &scene.path("larger"), "0", &saved).succeeded();
    let root = scene.root_of("larger").unwrap();
    assert_eq!(root.problems().unwrap(), "");
    assert_eq!(gpt_problems(&scene.path("larger")).unwrap(), "");
    assert!(root.size().unwrap() > 185 << 20, "{}", root.size().unwrap());
    assert_eq!(
        root.text("/etc/machine-id").unwrap(),
        text(&scene, "/etc/machine-id")
    );

    let quiet = scene
        .script("IMPORT_GROW=no\n")
        .unwrap()
        .with_disks(&["disk"]);
    scene.blank("kept", 192).unwrap();
    import(&quiet, &scene.path("kept"), "0", &saved).succeeded();
    assert!(fs::read(scene.path("kept")).unwrap()[..bytes.len()] == bytes);
}

#[test]
fn a_disk_without_a_system_is_imported_and_left_alone() {
    let Some(scene) = Scene::set() else { return };
    let script = scene.script("").unwrap().with_disks(&["disk"]);
    fs::write(scene.path("saved"), vec![5; 1 << 20]).unwrap();
    for index in ["0", "1"] {
        scene.blank("disk", 2).unwrap();
        import(&script, &scene.path("disk"), index, &scene.path("saved")).succeeded();
        assert_eq!(
            fs::read(scene.path("disk")).unwrap()[..1 << 20],
            vec![5; 1 << 20]
        );
    }
}

#[test]
fn the_size_goes_to_the_descriptor_that_ganeti_names() {
    let Some(scene) = Scene::set() else { return };
    scene.blank("disk", 3).unwrap();
    let script = scene
        .script("")
        .unwrap()
        .with_disks(&["disk"])
        .with("EXP_SIZE_FD", "11");
    let script = script.with("EXPORT_DEVICE", &scene.path("disk").display().to_string());
    let mut command = script.command_after(r#"exec 11>"$0/size""#, "export");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, vec![0; 3 << 20]);
    assert_eq!(fs::read_to_string(scene.path("size")).unwrap(), "3145728\n");
}

#[test]
fn what_cannot_be_saved_or_restored_is_said() {
    let Some(scene) = Scene::set() else { return };
    scene.blank("disk", 1).unwrap();
    let script = scene.script("").unwrap().with_disks(&["disk"]);
    let disk = scene.path("disk");
    export(&script, &scene.path("missing"), &scene.path("out"))
        .failed_with(&["missing", "does not exist"]);
    export(&script, &disk, Path::new("/dev/full")).failed_with(&["No space left"]);
    for (length, words) in [
        (0, "no data"),
        (700, "middle of a sector"),
        (2 << 20, "is larger than"),
    ] {
        fs::write(scene.path("saved"), vec![1; length]).unwrap();
        import(&script, &disk, "0", &scene.path("saved")).failed_with(&[words]);
    }
    import(&script, &scene.path("missing"), "0", &scene.path("saved"))
        .failed_with(&["IMPORT_DEVICE"]);
    assert!(!scene.path("missing").exists());
}

#[test]
fn a_reader_that_goes_away_fails_the_export() {
    let Some(scene) = Scene::set() else { return };
    scene.blank("disk", 8).unwrap();
    let script = scene.script("").unwrap().with_disks(&["disk"]);
    let script = script.with("EXPORT_DEVICE", &scene.path("disk").display().to_string());
    let mut child = script
        .command("export")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let outcome = harness::Outcome::from(child.wait_with_output().unwrap());
    outcome.failed_with(&["Broken pipe"]);
}
