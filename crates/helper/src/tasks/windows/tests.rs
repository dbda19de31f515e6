//! The tasks on trees as of Windows.
// SPDX-License-Identifier: BSD-2-Clause

use std::process::Command;

use snf_image_protocol::{Hostname, OsFamily, Parameters, Properties, Secret, Windows};

use super::*;
use crate::guest::testing::{Image, nothing, samples};
use crate::guest::windows::cloudbase_init::{CloudbaseInit, Source};
use crate::guest::windows::system::{Setup, Windows as Facts};
use crate::run::testing::{self, Warnings};

pub(super) fn windows() -> Image {
    let image = Image::empty();
    image
        .directory("/Windows/System32")
        .directory("/Windows/Panther")
        .directory("/Users");
    image
}

pub(super) fn properties(pairs: &[(&str, &str)]) -> Properties {
    Properties::new((pairs.iter()).map(|(name, value)| ((*name).into(), (*value).into()))).unwrap()
}

pub(super) fn asked() -> Parameters {
    Parameters {
        hostname: Some(Hostname::new("vm1.example.org").unwrap()),
        password: Some(Secret::new("pass'word\"%^&!".into())),
        ..nothing()
    }
}

/// Runs one task, as on Windows.
pub(super) fn run_one<const TASK: u8>(context: &mut Context<'_>) -> Result<Done> {
    const TASKS: [Task; 7] = [
        Task::InstallUnattend,
        Task::AssignHostname,
        Task::ChangePassword,
        Task::ConfigureNetwork,
        Task::EnforcePersonality,
        Task::DisableRemoteDesktopConnections,
        Task::CreateUser,
    ];
    context.os_family = OsFamily::Windows;
    Ok(run(TASKS[usize::from(TASK)], context)?.unwrap())
}

/// Installs the answer file, and then runs the others, as far as they succeed.
pub(super) fn run_all(image: &Image, parameters: &Parameters) -> Result<Vec<String>> {
    let tasks: [fn(&mut Context<'_>) -> Result<Done>; 5] = [
        run_one::<0>,
        run_one::<1>,
        run_one::<2>,
        run_one::<3>,
        run_one::<4>,
    ];
    let mut all = Vec::new();
    for task in tasks {
        let (done, notices) = image.run(task, parameters);
        done?;
        all.extend(notices);
    }
    Ok(all)
}

pub(super) fn failure(image: &Image, parameters: &Parameters) -> String {
    run_all(image, parameters).unwrap_err().to_string()
}

pub(super) const OWN: &str = "<unattend xmlns='urn:schemas-microsoft-com:unattend'>\n\
    <settings pass='oobeSystem'/>\n</unattend>\n";

#[test]
fn an_image_without_answer_file_gets_one_with_all_that_was_asked_for() {
    let image = windows();
    let parameters = Parameters {
        properties: properties(&[("WINDOWS_LOCALE", "de-DE"), ("WINRM", "yes")]),
        windows: Windows {
            product_key: Some(Secret::new("ABCDE-12345-ABCDE-12345-ABCDE".into())),
            ..Windows::default()
        },
        ..asked()
    };
    let notices = run_all(&image, &parameters).unwrap();
    assert!(
        notices.iter().any(|text| text.contains("takes no domain")),
        "{notices:?}"
    );
    let text = image.text("/Windows/Panther/Unattend.xml");
    for part in [
        "<ComputerName>vm1</ComputerName>",
        "<TimeZone>GMT Standard Time</TimeZone>",
        "<UserLocale>de-DE</UserLocale>",
        "<ProductKey>ABCDE-12345-ABCDE-12345-ABCDE</ProductKey>",
        "<AdministratorPassword>",
    ] {
        assert_eq!(
            text.matches(part).count(),
            3,
            "{part} for each architecture\n{text}"
        );
    }
    assert!(!text.contains("pass'word"));
    assert!(
        image
            .text("/Windows/Setup/Scripts/SetupComplete.cmd")
            .contains("first-boot.ps1")
    );
    assert!(
        image
            .path("/Windows/Setup/Scripts/snf-image/50-winrm.ps1")
            .exists()
    );
}

#[test]
fn the_images_own_answer_file_is_kept_and_changed_in_place() {
    let image = windows();
    image.file("/Unattend.xml", OWN);
    run_all(&image, &asked()).unwrap();
    let text = image.text("/Unattend.xml");
    assert!(text.contains("<ComputerName>vm1</ComputerName>") && text.contains("xmlns='urn"));
    assert!(!text.contains("TimeZone"));
    assert!(!image.path("/Windows/Panther/Unattend.xml").exists());
}

#[test]
fn each_pass_is_changed_in_the_file_that_setup_uses_for_it() {
    let image = windows();
    image.file(
        "/Windows/Panther/Unattend.xml",
        OWN.replace("oobeSystem", "specialize"),
    );
    image.file("/Unattend.xml", OWN);
    let notices = run_all(&image, &asked()).unwrap();
    let own = "/Windows/Panther/Unattend.xml and /Unattend.xml";
    assert!(notices[0].ends_with(own), "{notices:?}");
    let first = image.text("/Windows/Panther/Unattend.xml");
    assert!(
        first.contains("ComputerName") && !first.contains("oobeSystem"),
        "{first}"
    );
    let second = image.text("/Unattend.xml");
    assert!(
        second.contains("AdministratorPassword") && !second.contains("specialize"),
        "{second}"
    );
    // What no file has goes into the first that is there.
    let image = windows();
    let first = OWN.replace("oobeSystem", "specialize");
    image.file("/Windows/Panther/Unattend.xml", &first);
    image.file("/Unattend.xml", &first);
    run_all(&image, &asked()).unwrap();
    assert!(
        image
            .text("/Windows/Panther/Unattend.xml")
            .contains("AdministratorPassword")
    );
    assert_eq!(image.text("/Unattend.xml"), first);
}

#[test]
fn a_file_that_setup_has_used_up_counts_for_nothing() {
    let image = windows();
    let used = OWN.replace("/>", " wasPassProcessed='true'/>");
    image.file("/Windows/Panther/Unattend.xml", &used);
    run_all(&image, &asked()).unwrap();
    assert!(
        image
            .text("/Windows/Panther/Unattend.xml")
            .contains("TimeZone")
    );
}

#[test]
fn the_images_own_file_gives_way_where_that_is_asked_for() {
    for with_file in [false, true] {
        let image = windows();
        image.file("/Unattend.xml", "<!DOCTYPE x><hostile>");
        image.file("/Windows/Panther/Unattend/Unattend.xml", OWN);
        let mut parameters = asked();
        if with_file {
            std::fs::write(image.parameters_dir().join("answer-file"), OWN).unwrap();
            parameters.windows.answer_file = Some("answer-file".into());
        } else {
            parameters.properties = properties(&[("IGNORE_UNATTEND", "yes")]);
        }
        run_all(&image, &parameters).unwrap();
        assert!(!image.path("/Unattend.xml").exists());
        assert!(
            !image
                .path("/Windows/Panther/Unattend/Unattend.xml")
                .exists()
        );
        let text = image.text("/Windows/Panther/Unattend.xml");
        assert_eq!(text.contains("TimeZone"), !with_file);
        assert!(text.contains("<ComputerName>vm1</ComputerName>"));
    }
}

#[test]
fn a_hostile_answer_file_is_refused_with_the_way_out() {
    let image = windows();
    image.file(
        "/Windows/Panther/Unattend.xml",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
    );
    let error = failure(&image, &asked());
    assert!(error.contains("IGNORE_UNATTEND"), "{error}");
    image.file("/Windows/Panther/Unattend.xml", vec![b' '; 2 << 20]);
    assert!(failure(&image, &asked()).contains("larger than"));
    image.fifo("/Windows/Panther/Unattend.xml");
    assert!(failure(&image, &asked()).contains("not a regular file"));
}

#[test]
fn an_answer_file_of_the_deployment_must_be_one() {
    let image = windows();
    let mut parameters = asked();
    parameters.windows.answer_file = Some("answer-file".into());
    let pe = OWN.replace("oobeSystem", "windowsPE");
    for (content, fault) in [("x", "not valid XML"), (pe.as_str(), "no settings for")] {
        std::fs::write(image.parameters_dir().join("answer-file"), content).unwrap();
        let error = failure(&image, &parameters);
        assert!(error.contains(fault), "{error}");
    }
}

#[test]
fn what_windows_cannot_take_is_refused() {
    let hash = Parameters {
        password: None,
        password_hash: Some(Secret::new("$6$x$y".into())),
        ..asked()
    };
    assert!(failure(&windows(), &hash).contains("hash"));
    let long = Parameters {
        password: Some(Secret::new("x".repeat(128))),
        ..asked()
    };
    assert!(failure(&windows(), &long).contains("127"));
    let user = Parameters {
        properties: properties(&[("USERS", "a*b")]),
        ..asked()
    };
    assert!(failure(&windows(), &user).contains("USERS"));
    let name = Parameters {
        hostname: Some(
            Hostname::new("sixteen-letters-.example".replace("-.", "x.").as_str()).unwrap(),
        ),
        ..asked()
    };
    assert!(failure(&windows(), &name).contains("COMPUTER_NAME"));
}

#[test]
fn a_second_deployment_of_the_same_disk_changes_nothing_twice() {
    let image = windows();
    run_all(&image, &asked()).unwrap();
    let first = image.everything();
    run_all(&image, &asked()).unwrap();
    assert_eq!(image.everything(), first);
}

/// What is known of a generalized Windows for ARM.
pub(super) fn generalized() -> Facts {
    Facts {
        version: (10, 0),
        build: 26_100,
        product: "Windows 11 Pro".into(),
        is_server: false,
        architecture: Architecture::Arm64,
        setup: Setup::Generalized,
        control_set: "ControlSet001".into(),
        answer_file: None,
    }
}

/// Runs a task on an image of which that is known.
pub(super) fn with_facts<const TASK: u8>(context: &mut Context<'_>) -> Result<Done> {
    context.windows = Some(generalized());
    run_one::<TASK>(context)
}

#[test]
fn settings_are_made_for_the_images_own_processors_and_release() {
    let image = windows();
    for task in [
        with_facts::<0> as fn(&mut Context<'_>) -> Result<Done>,
        with_facts::<1>,
    ] {
        image.run(task, &asked()).0.unwrap();
    }
    let text = image.text("/Windows/Panther/Unattend.xml");
    assert_eq!(text.matches("<ComputerName>vm1</ComputerName>").count(), 1);
    assert!(!text.contains("amd64") && text.contains("HideOnlineAccountScreens"));
}

#[test]
fn a_windows_whose_setup_would_do_nothing_is_refused() {
    for (setup, words) in [
        (Setup::Complete, "set up already"),
        (
            Setup::Other("IMAGE_STATE_UNDEPLOYABLE".into()),
            "UNDEPLOYABLE",
        ),
        (
            Setup::Other("IMAGE_STATE_GENERALIZE_RESEAL_TO_AUDIT".into()),
            "audit mode",
        ),
    ] {
        let facts = Facts {
            setup,
            ..generalized()
        };
        let image = windows();
        let error = image.confined(|root| {
            let parameters = asked();
            let mut warnings = Warnings::default();
            let mut context = testing::context(&parameters, &mut warnings);
            context.root = Some(root);
            context.windows = Some(facts);
            run_one::<0>(&mut context).unwrap_err().to_string()
        });
        assert!(
            error.contains(words) && error.contains("sysprep"),
            "{error}"
        );
        assert!(!image.path("/Windows/Setup").exists());
    }
}

/// Makes a hive with a key, those above it, and its values as regedit has them.
pub(super) fn hive(image: &Image, path: &str, key: &str, values: &str) -> bool {
    let Some(samples) = samples("hives") else {
        return false;
    };
    image.file(path, std::fs::read(samples.join("hivex/minimal")).unwrap());
    let mut text = String::from("Windows Registry Editor Version 5.00\n");
    let mut whole = String::new();
    for name in key.split('\\') {
        whole = format!("{whole}\\{name}");
        text.push_str(&format!("\n[{whole}]\n"));
    }
    text.push_str(values);
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(keys.path(), text).unwrap();
    let status = Command::new("hivexregedit")
        .args(["--merge", "--encoding", "UTF-16LE"])
        .arg(image.path(path))
        .arg(keys.path())
        .status();
    assert!(status.unwrap().success());
    true
}

/// Runs a task on an image whose Cloudbase-Init is used as it is installed.
pub(super) fn with_cloudbase_init<const TASK: u8>(context: &mut Context<'_>) -> Result<Done> {
    context.cloudbase_init = Some(CloudbaseInit {
        source: Source::ConfigDrive,
        sets_name: true,
        sets_password: true,
        last_scripts: Some("/LocalScripts".into()),
        user: "Admin".into(),
    });
    with_facts::<TASK>(context)
}

#[test]
fn remote_desktop_is_off_until_setup_is_done() {
    let image = windows();
    let key = "ControlSet001\\Control\\Terminal Server";
    let values = "\"fDenyTSConnections\"=dword:00000000\n\"Other\"=dword:00000007\n";
    let path = "/Windows/System32/config/SYSTEM";
    if !hive(&image, path, key, values) {
        return;
    }
    let (done, _) = image.run(with_facts::<5>, &asked());
    assert_eq!(done.unwrap(), Done::Yes);
    let output = Command::new("hivexregedit")
        .arg("--export")
        .arg(image.path(path))
        .arg("\\ControlSet001\\Control\\Terminal Server")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("\"fDenyTSConnections\"=dword:00000001"),
        "{text}"
    );
    assert!(text.contains("\"Other\"=dword:00000007"), "{text}");
    let step = image.text("/Windows/Setup/Scripts/snf-image/90-remote-desktop.ps1");
    assert!(step.contains("-Name fDenyTSConnections -Value 0"));
    // It is off now: a second deployment of the disk does not forget that it was on.
    let (done, _) = image.run(with_facts::<5>, &asked());
    assert!(matches!(done.unwrap(), Done::Skipped(_)));
    assert!(
        image
            .path("/Windows/Setup/Scripts/snf-image/90-remote-desktop.ps1")
            .exists()
    );
}

#[test]
fn what_is_for_setup_is_named_on_another_system() {
    for (windows, words) in [
        (r#""answer_file":"files/answer-file""#, "an answer file"),
        (
            r#""product_key":"VK7JG-NPHTM-C97JM-9MPGT-3V66T""#,
            "a product key",
        ),
    ] {
        let (name, _) = windows.split_once(':').unwrap();
        let mut parameters = serde_json::to_value(nothing()).unwrap();
        let given: serde_json::Value = serde_json::from_str(&format!("{{{windows}}}")).unwrap();
        let name = name.trim_matches('"');
        parameters["windows"][name] = given[name].clone();
        let parameters = serde_json::from_value(parameters).unwrap();
        let mut warnings = Warnings::default();
        let mut context = testing::context(&parameters, &mut warnings);
        let done = crate::tasks::run(Task::InstallUnattend, &mut context).unwrap();
        assert!(matches!(done, Done::Skipped(_)));
        let [warning] = &warnings.0[..] else {
            panic!("{warnings:?}");
        };
        assert!(
            warning.contains(words) && warning.contains("no effect"),
            "{warning}"
        );
    }
}
