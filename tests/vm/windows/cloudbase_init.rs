//! A Windows whose own Cloudbase-Init configures it, by what is on a disk of its own.
// SPDX-License-Identifier: BSD-2-Clause

use harness::Script;
use serde_json::Value;

use super::*;

const PROGRAM: &str = "Program Files/Cloudbase Solutions/Cloudbase-Init";
const PASSWORD: &str = "Pass'word \"%^&!";
/// Of the image, as its Sysprep left it.
const ANSWERS: &str = "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">\r\n <settings \
    pass=\"specialize\"/> <!-- of the image -->\r\n</unattend>";
/// What the installer writes, as far as it matters.
const INSTALLED: &str = "[DEFAULT]\r\nusername=Admin\r\nlocal_scripts_path=C:\\Program Files\\Cloudbase \
    Solutions\\Cloudbase-Init\\LocalScripts\\\r\nbsdtar_path=C:\\bsdtar.exe\r\n";

/// An image with it, and what of it is asked of Ganeti.
fn deployed<'scene>(scene: &'scene Scene, configuration: &str) -> (PathBuf, Script<'scene>) {
    let volume = changed(scene, SERVER_2022, |tree| {
        let conf = tree.join(PROGRAM).join("conf");
        fs::create_dir_all(&conf).unwrap();
        fs::write(conf.join("cloudbase-init.conf"), configuration).unwrap();
        fs::write(tree.join(ANSWER_FILE), ANSWERS).unwrap();
    });
    gpt(scene, &volume);
    scene.blank("disk", SIZE + 20).unwrap();
    scene.blank("data", 16).unwrap();
    let script = scene.script("").unwrap().with_disks(&["disk", "data"]);
    let script = script.with_image().with("OSP_IMG_PASSWD", PASSWORD);
    (volume, script)
}

/// Whether a file is private: the access list that it has from its directory names Administrators, S-1-5-32-544, and
/// SYSTEM, S-1-5-18, and nobody else.
fn is_private(volume: &Path, file: &str) -> bool {
    let access = ntfs::security(volume, file).unwrap();
    let words: Vec<_> = access.lines().filter_map(|line| line.get(16..)).collect();
    words.join(" ").contains(
        "02003400 02000000 \
         00001800 ff011f00 01020000 00000005 20000000 20020000 \
         00001400 ff011f00 01010000 00000005 12000000",
    )
}

/// What Cloudbase-Init unpacks of a disk: it reads the size of the image where ISO 9660 has it (8.4.8, 8.4.12), and
/// gives that much to bsdtar.
fn unpacked(scene: &Scene, disk: &str) -> PathBuf {
    let bytes = fs::read(scene.path(disk)).unwrap();
    assert_eq!(&bytes[0x8001..0x8006], b"CD001");
    let number = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let size = number(0x8000 + 80) * number(0x8000 + 128);
    let image = scene.path("image of the disk");
    fs::write(&image, &bytes[..size]).unwrap();
    let files = scene.path("files");
    let _ = fs::remove_dir_all(&files);
    fs::create_dir(&files).unwrap();
    let arguments = [
        "-xf".as_ref(),
        image.as_os_str(),
        "-C".as_ref(),
        files.as_os_str(),
    ];
    Tool::new("bsdtar").args(arguments).run().unwrap();
    files
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn it_gets_name_and_user_data_and_the_answer_file_stays_as_it_is() {
    let Some(scene) = Scene::set() else { return };
    let (volume, script) = deployed(&scene, INSTALLED);
    // #ps1_sysnative, date
    let script = script.with("OSP_CLOUD_USERDATA", "I3BzMV9zeXNuYXRpdmUKZGF0ZQo=");
    let create = |properties: &str| {
        let script = script.clone().with("OSP_IMG_PROPERTIES", properties);
        script.run("create").unwrap()
    };
    for (properties, words) in [
        (r#"{"CLOUD_INIT_DISK": "c"}"#, "names disk 3 of the machine"),
        (
            r#"{"CLOUD_INIT_DISK": "b", "SWAP": "b"}"#,
            "name the same disk",
        ),
    ] {
        create(properties).failed_with(&[words]);
    }
    create(r#"{"CLOUD_INIT_DISK": "b"}"#).succeeded();

    let seed = unpacked(&scene, "data");
    let user_data = fs::read(seed.join("openstack/latest/user_data")).unwrap();
    assert_eq!(user_data, b"#ps1_sysnative\ndate\n");
    let meta_data = json(&seed.join("openstack/latest/meta_data.json"));
    assert_eq!(meta_data["hostname"], harness::INSTANCE);
    let members: Vec<_> = meta_data.as_object().unwrap().keys().collect();
    assert_eq!(members, ["hostname", "public_keys", "uuid"], "no password");

    let result = last(&scene, "disk");
    assert_eq!(ntfs::problems(&result).unwrap(), "");
    let local_script = format!("{PROGRAM}/LocalScripts/00-snf-image.ps1");
    let account_step = "Windows/Setup/Scripts/snf-image-last/10-accounts.ps1";
    assert_eq!(
        changed_files(&volume, &result),
        [
            &local_script,
            "Windows/Setup/Scripts/SetupComplete.cmd",
            account_step,
            "Windows/Setup/Scripts/snf-image-last/90-remote-desktop.ps1",
            "Windows/Setup/Scripts/snf-image-last/first-boot.ps1",
            "Windows/Setup/Scripts/snf-image/first-boot.ps1",
        ]
    );
    assert!(is_private(&result, account_step));
    let step = String::from_utf8(ntfs::read(&result, account_step).unwrap()).unwrap();
    assert!(
        !step.contains(PASSWORD) && step.contains("{ Give $_.Name }"),
        "{step}"
    );
}

#[test]
fn one_that_reads_no_cloud_gets_that_and_one_that_would_change_the_password_is_refused() {
    let Some(scene) = Scene::set() else { return };
    let configuration = "[DEFAULT]\nbsdtar_path=C:\\bsdtar.exe\nmetadata_services=cloudbaseinit.metadata.services.nocloudservice.\
        NoCloudConfigDriveService\nplugins=cloudbaseinit.plugins.common.userdata.UserDataPlugin\n";
    let (_, script) = deployed(&scene, configuration);
    let properties = r#"{"CLOUD_INIT_DISK": "b", "CLOUD_INIT": "yes"}"#;
    let script = script.with("OSP_IMG_PROPERTIES", properties);
    script.run("create").unwrap().succeeded();
    let seed = unpacked(&scene, "data");
    assert_eq!(
        json(&seed.join("meta-data"))["local-hostname"],
        harness::INSTANCE
    );
    // What it does not do, setup does.
    let result = last(&scene, "disk");
    let said = |element| answer(&scene, &result, "amd64", element);
    assert_eq!(said("ComputerName"), "inst1");

    let (_, script) = deployed(
        &scene,
        "[DEFAULT]\nusername=Administrator\nbsdtar_path=C:\\bsdtar.exe\n",
    );
    let script = script.with("OSP_IMG_PROPERTIES", properties);
    let outcome = script.run("create").unwrap();
    outcome.failed_with(&["gives its user a password", "local_scripts_path"]);
}
