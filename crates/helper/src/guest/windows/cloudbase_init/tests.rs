//! Configurations as people write them.
// SPDX-License-Identifier: BSD-2-Clause

use proptest::prelude::*;

use super::*;
use crate::guest::testing::Image;

/// What its installer writes, as far as it matters here.
const INSTALLED: &str = "[DEFAULT]\r\nusername=Admin\r\ngroups=Administrators\r\ninject_user_password=true\r\n\
     config_drive_raw_hhd=true\r\nconfig_drive_cdrom=true\r\nconfig_drive_vfat=true\r\n\
     bsdtar_path=C:\\Program Files\\Cloudbase Solutions\\Cloudbase-Init\\bin\\bsdtar.exe\r\n\
     local_scripts_path=C:\\Program Files\\Cloudbase Solutions\\Cloudbase-Init\\LocalScripts\\\r\n";

fn of(text: &str) -> Found {
    found(&Configuration::new(text))
}

fn usable(text: &str) -> CloudbaseInit {
    match of(text) {
        Found::Usable(found) => found,
        Found::Not(reason) => panic!("{reason}"),
    }
}

#[test]
fn as_it_is_installed_it_sets_name_and_password_and_runs_scripts_last() {
    let scripts = "/Program Files/Cloudbase Solutions/Cloudbase-Init/LocalScripts";
    let expected = CloudbaseInit {
        source: Source::ConfigDrive,
        sets_name: true,
        sets_password: true,
        last_scripts: Some(scripts.into()),
        user: "Admin".into(),
    };
    assert_eq!(usable(INSTALLED), expected);
    let without = usable("[DEFAULT]\nbsdtar_path=bsdtar.exe\n");
    assert_eq!(without.last_scripts, None);
    assert!(without.sets_password && without.user == "Admin");
}

#[test]
fn it_does_what_its_list_of_plugins_names_in_that_order() {
    let plugins = |list: &str| usable(&format!("{INSTALLED}plugins = {list}\n"));
    let some = plugins(
        "cloudbaseinit.plugins.common.mtu.MTUPlugin,\n  cloudbaseinit.plugins.common.localscripts.LocalScriptsPlugin",
    );
    assert!(!some.sets_name && !some.sets_password && some.last_scripts.is_some());
    let early = plugins(
        "a.SetHostNamePlugin,b.LocalScriptsPlugin,cloudbaseinit.plugins.windows.setuserpassword.SetUserPasswordPlugin",
    );
    assert!(early.sets_name && early.sets_password && early.last_scripts.is_none());
    let none = plugins("a.CreateUserPlugin");
    assert!(none.sets_password && none.last_scripts.is_none());
}

#[test]
fn it_is_told_in_the_layout_that_it_reads_where_it_reads_disks() {
    let services = |list: &str| of(&format!("{INSTALLED}metadata_services: {list}\n"));
    for (list, source) in [
        (
            "cloudbaseinit.metadata.services.httpservice.HttpService, \
             cloudbaseinit.metadata.services.configdrive.ConfigDriveService",
            Some(Source::ConfigDrive),
        ),
        (
            "'cloudbaseinit.metadata.services.nocloudservice.NoCloudConfigDriveService'",
            Some(Source::NoCloud),
        ),
        (
            "cloudbaseinit.metadata.services.ec2service.EC2Service",
            None,
        ),
    ] {
        let found = match services(list) {
            Found::Usable(found) => Some(found.source),
            Found::Not(_) => None,
        };
        assert_eq!(found, source, "{list}");
    }
    let with = |text: &str| of(&format!("[DEFAULT]\nbsdtar_path=C:\\bsdtar.exe\n{text}"));
    for (text, is_usable) in [
        ("[config_drive]\nlocations = cdrom\ntypes = vfat\n", true),
        (
            "[config_drive]\nlocations = cdrom\nraw_hdd = no\nvfat = 0\n",
            false,
        ),
        (
            "config_drive_types = vfat\nconfig_drive_raw_hhd = False\nconfig_drive_cdrom = off\n",
            false,
        ),
        (
            "config_drive_types = iso\nconfig_drive_raw_hhd = False\nconfig_drive_cdrom = off\n",
            true,
        ),
        ("bsdtar_path=\n", false),
    ] {
        assert_eq!(matches!(with(text), Found::Usable(_)), is_usable, "{text}");
    }
}

#[test]
fn scripts_are_looked_for_on_the_drive_of_windows_alone() {
    for (path, expected) in [
        ("c:\\scripts", Some("/scripts")),
        ("C:\\a\\b\\", Some("/a/b")),
        ("D:\\scripts", None),
        ("C:\\", None),
        ("scripts", None),
        ("C:ü", None),
    ] {
        let found = usable(&format!("{INSTALLED}local_scripts_path={path}\n"));
        assert_eq!(found.last_scripts.as_deref(), expected, "{path}");
    }
}

#[test]
fn it_is_found_where_it_is_installed() {
    let image = Image::empty();
    let look = |image: &Image| image.confined(|root| detect(&root).unwrap());
    assert!(matches!(look(&image), Found::Not(reason) if reason.contains("no Cloudbase-Init")));
    for place in PLACES {
        let image = Image::empty();
        image.file(
            &format!("{place}/{CONFIGURATION}"),
            "\u{feff}[DEFAULT]\nusername=\"Administrator\"\nbsdtar_path=x\n",
        );
        let Found::Usable(found) = look(&image) else {
            panic!("{place}");
        };
        assert_eq!(found.user, "Administrator");
    }
}

proptest! {
    #[test]
    fn any_text_is_read(text in "(?s)[\\[\\]=:,#; \t\nCac:\\\\\"']{0,200}") {
        let _ = of(&text);
    }
}
