//! Drivers as virtio-win has them, put into trees as of Windows, and hives read back by hivex.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;

use snf_image_protocol::{OsFamily, Parameters};
use snf_image_testkit::hive::{self, Export};
use snf_image_testkit::windows::{CONFIG, Edition, SERVER_2008_R2, SERVER_2022, plant};

use super::*;
use crate::guest::testing::{Image, nothing};

const MEDIA: &str = "drivers";

/// A Windows, and beside it the drivers in these directories.
fn windows(edition: Edition, places: &[&str]) -> Image {
    let image = Image::empty();
    plant(edition, &image.path("/")).unwrap();
    for place in places {
        let directory = image.parameters_dir().join(MEDIA).join(place);
        fs::create_dir_all(&directory).unwrap();
        let name = place.split('/').next().unwrap().to_ascii_lowercase();
        for end in ["inf", "sys", "cat", "pdb"] {
            fs::write(
                directory.join(format!("{name}.{end}")),
                format!("{place}.{end}"),
            )
            .unwrap();
        }
    }
    image
}

fn asked() -> Parameters {
    let mut parameters = nothing();
    parameters.windows.drivers = Some(Drivers::Directory(MEDIA.into()));
    parameters
}

fn task(context: &mut Context<'_>) -> Result<Done> {
    context.os_family = OsFamily::Windows;
    context.windows = Some(Windows::read(context.root()?)?);
    run(context)
}

fn exported(image: &Image, name: &str) -> Export {
    hive::export(&image.path(&format!("/{CONFIG}/{name}"))).unwrap()
}

/// What changed in both hives, one line a value.
fn changed(image: &Image) -> (Vec<String>, Vec<String>) {
    let before = ["SOFTWARE", "SYSTEM"].map(|name| exported(image, name));
    image.run(task, &asked()).0.unwrap();
    let [software, system] = ["SOFTWARE", "SYSTEM"].map(|name| exported(image, name));
    (
        hive::difference(&before[0], &software),
        hive::difference(&before[1], &system),
    )
}

const EVERYTHING: [&str; 3] = [
    "viostor/2k22/amd64",
    "vioscsi/2k22/amd64",
    "NetKVM/2k22/amd64",
];

#[test]
fn windows_gets_its_own_drivers_and_starts_those_of_disks_with_the_kernel() {
    let image = windows(
        SERVER_2022,
        &[&EVERYTHING[..], &["viostor/w7/amd64", "viostor/2k22/x86"]].concat(),
    );
    let (software, system) = changed(&image);
    for name in ["viostor", "vioscsi", "netkvm"] {
        for end in ["inf", "sys", "cat"] {
            let file = image.text(&format!("{DIRECTORY}/{name}.{end}"));
            assert!(file.ends_with(&format!("/2k22/amd64.{end}")), "{file}");
        }
        let symbols = image.path(&format!("{DIRECTORY}/{name}.pdb"));
        assert!(!symbols.exists());
    }
    assert_eq!(
        image.text("/Windows/System32/drivers/viostor.sys"),
        "viostor/2k22/amd64.sys"
    );
    assert!(!image.path("/Windows/System32/drivers/netkvm.sys").exists());

    assert_eq!(software.len(), 2, "{software:?}");
    assert!(
        software[1]
            .ends_with(r#""DevicePath"=str(2):"%SystemRoot%\inf;%SystemRoot%\Drivers\VirtIO""#),
        "{software:?}"
    );
    let none: Vec<_> = system.iter().filter(|line| line.starts_with('-')).collect();
    assert!(none.is_empty(), "{none:?}");
    for line in [
        r#"\ControlSet001\Services\viostor "Start"=dword:00000000"#,
        r#"\ControlSet001\Services\viostor "Type"=dword:00000001"#,
        r#"\ControlSet001\Services\viostor "Group"=str(1):"SCSI miniport""#,
        r#"\ControlSet001\Services\viostor "ImagePath"=str(2):"system32\drivers\viostor.sys""#,
        r#"\ControlSet001\Services\viostor\Parameters "BusType"=dword:00000001"#,
        r#"\ControlSet001\Services\vioscsi\Parameters "BusType"=dword:0000000a"#,
        r#"\ControlSet001\Services\vioscsi\Parameters\PnpInterface "5"=dword:00000001"#,
        r#"\DriverDatabase\DriverInfFiles\snf-viostor.inf "Active"=str(1):"snf-viostor.inf_virtio""#,
        r#"\DriverDatabase\DeviceIds\PCI\VEN_1AF4&DEV_1001&REV_00 "snf-viostor.inf"=hex(3):01,ff,00,00"#,
        r#"\DriverDatabase\DeviceIds\PCI\VEN_1AF4&DEV_1048&REV_01 "snf-vioscsi.inf"=hex(3):01,ff,00,00"#,
        r#"\DriverDatabase\DriverPackages\snf-vioscsi.inf_virtio\Configurations\boot "Service"=str(1):"vioscsi""#,
        r#"\DriverDatabase\DriverPackages\snf-vioscsi.inf_virtio\Descriptors\PCI\VEN_1AF4&DEV_1004&REV_00 "Configuration"=str(1):"boot""#,
    ] {
        assert!(system.contains(&format!("+ {line}")), "{line}\n{system:#?}");
    }
    assert!(
        !system
            .iter()
            .any(|line| line.contains("CriticalDeviceDatabase"))
    );
}

#[test]
fn before_version_8_devices_are_in_another_place_and_what_is_there_stays() {
    let image = windows(SERVER_2008_R2, &["viostor/2k8R2/amd64"]);
    let (software, first) = changed(&image);
    assert_eq!(software.len(), 2);
    let critical = r"\ControlSet001\Control\CriticalDeviceDatabase\PCI#VEN_1AF4&DEV_1042&REV_01";
    for line in [
        format!(r#"+ {critical} "Service"=str(1):"viostor""#),
        format!(r#"+ {critical} "ClassGUID"=str(1):"{{4D36E97B-E325-11CE-BFC1-08002BE10318}}""#),
    ] {
        assert!(first.contains(&line), "{line}\n{first:#?}");
    }
    assert!(!first.iter().any(|line| line.contains("DriverDatabase")));

    // The image has it now; Windows took it back, because there was no device.
    image.file("/Windows/System32/drivers/viostor.sys", "newer");
    let hive = image.path(&format!("/{CONFIG}/SYSTEM"));
    let service = r"\ControlSet001\Services\viostor";
    let text = format!(
        "[{service}]\n\"Start\"=dword:00000003\n\n[{service}\\StartOverride]\n\"0\"=dword:00000003\n"
    );
    hive::merge(&hive, &text).unwrap();
    let (software, again) = changed(&image);
    assert_eq!(software, Vec::<String>::new());
    assert_eq!(
        again,
        [
            format!(r#"- {service} "Start"=dword:00000003"#),
            format!(r#"+ {service} "Start"=dword:00000000"#),
            format!(r#"- {service}\StartOverride "0"=dword:00000003"#),
            format!(r#"+ {service}\StartOverride "0"=dword:00000000"#),
        ]
    );
    let own = image.text("/Windows/System32/drivers/viostor.sys");
    assert_eq!(own, "newer");
}

#[test]
fn a_driver_that_is_missing_is_named_and_without_one_of_disks_nothing_is_done() {
    let image = windows(SERVER_2022, &["vioscsi/2k19/AMD64"]);
    let (done, told) = image.run(task, &asked());
    assert_eq!(done.unwrap(), Done::Yes);
    let told = told.join("\n");
    for words in [
        "no driver viostor",
        "no driver NetKVM",
        "vioscsi (2k19/amd64)",
    ] {
        assert!(told.contains(words), "{told}");
    }

    let image = windows(SERVER_2022, &["NetKVM/2k22/amd64", "viostor/w7/amd64"]);
    let before = image.everything();
    let error = image.run(task, &asked()).0.unwrap_err().to_string();
    assert!(
        error.contains("no driver of disks for Windows Server 2022"),
        "{error}"
    );
    assert!(image.everything() == before, "something changed");
}

#[test]
fn what_lies_in_place_of_the_directory_leads_nowhere_else() {
    let image = windows(SERVER_2022, &EVERYTHING);
    image.directory("/Windows/Drivers");
    image.link(DIRECTORY, &image.outside(""));
    let (done, _) = image.run(task, &asked());
    done.unwrap_err();
}
