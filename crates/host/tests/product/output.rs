//! What is lost on its way out is no success, and what goes to a program is JSON, whatever went wrong.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn snf_image(configuration: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snf-image"));
    command.arg("--config").arg(configuration);
    command
}

/// A script of the OS interface, with what Ganeti says of an instance of one disk.
fn script(name: &str, disk: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snf-image"));
    command
        .arg0(format!("/usr/share/ganeti/os/snf-image/{name}"))
        .env_clear()
        .env("OS_API_VERSION", "20")
        .env("INSTANCE_NAME", "vm.example.org")
        .env("HYPERVISOR", "kvm")
        .env("DISK_COUNT", "1")
        .env("DISK_0_PATH", disk)
        .env("DISK_0_ACCESS", "rw")
        .env("NIC_COUNT", "0")
        .env("EXPORT_DEVICE", disk)
        .env("EXPORT_INDEX", "0");
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn settings_that_nobody_could_read_are_a_failure() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut command = snf_image(empty.path());
    let lost = command.arg("config").stdout(full()).output().unwrap();
    assert_eq!(lost.status.code(), Some(1), "{}", said(&lost));
    assert!(
        said(&lost).contains("standard output: No space left"),
        "{}",
        said(&lost)
    );
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let unwanted = snf_image(empty.path())
        .arg("config")
        .stdout(writer)
        .output();
    assert_eq!(unwanted.unwrap().status.code(), Some(0));
}

#[test]
fn an_export_to_nobody_is_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let disk = directory.path().join("disk");
    fs::write(&disk, vec![1; 4096]).unwrap();
    let lost = script("export", &disk)
        .stdout(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(lost.status.code(), Some(1));
    assert!(said(&lost).contains("/dev/null"), "{}", said(&lost));
    let whole = script("export", &disk).output().unwrap();
    assert_eq!(whole.stdout, vec![1; 4096], "{}", said(&whole));
}

#[test]
fn a_faulty_configuration_is_told_in_json() {
    let directory = tempfile::tempdir().unwrap();
    let configuration = directory.path().join("config");
    fs::write(&configuration, "HELPER_DIR=$(date)\n").unwrap();
    let mut command = snf_image(&configuration);
    command.args(["--json", "deploy", "--image", "image", "--target", "disk"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let message: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(message["type"], "image-error");
}

#[test]
fn verify_tells_all_faults_at_once() {
    let mut command = script("verify", Path::new("/nonexistent"));
    command
        .arg("parameters")
        .env("OSP_NOPE", "1")
        .env("OSP_IMG_FORMAT", "floppy");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(
        said.contains("OSP_NOPE") && said.contains("img_format"),
        "{said}"
    );
}
