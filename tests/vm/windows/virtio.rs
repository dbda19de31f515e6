//! A Windows that gets what only its machine can tell: drivers for it, and user-data.
// SPDX-License-Identifier: BSD-2-Clause

use super::*;

/// Drivers as virtio-win has them, in a directory; nothing in them could run.
fn drivers(scene: &Scene) -> PathBuf {
    let media = scene.path("virtio-win");
    for place in [
        "viostor/2k22/amd64",
        "vioscsi/2k22/amd64",
        "NetKVM/2k22/amd64",
        "viostor/2k8R2/amd64",
        "Balloon/2k22/amd64",
    ] {
        let directory = media.join(place);
        fs::create_dir_all(&directory).unwrap();
        let name = place.split('/').next().unwrap().to_ascii_lowercase();
        for end in ["inf", "sys", "cat", "pdb"] {
            let file = directory.join(format!("{name}.{end}"));
            fs::write(file, format!("{place} {end}")).unwrap();
        }
    }
    media
}

#[test]
fn drivers_out_of_an_iso_file_are_put_into_a_windows() {
    let Some(scene) = Scene::set() else { return };
    let image = gpt(&scene, &volume(&scene, SERVER_2022));
    let media = drivers(&scene);
    Tool::new("genisoimage")
        .args([
            "-quiet",
            "-joliet",
            "-rational-rock",
            "-volid",
            "virtio-win",
        ])
        .arg("-output")
        .args([scene.path("virtio-win.iso"), media])
        .run()
        .unwrap();
    let directory = scene.directory().display();
    scene
        .configure(&format!("WINDOWS_DRIVERS_DIR=\"{directory}\"\n"))
        .unwrap();
    let arguments = ["-v", "--property=WINDOWS_DRIVERS=virtio-win.iso"];
    let outcome = scene.deploy(&image, "disk", arguments).unwrap();
    outcome.succeeded();
    let words = "viostor (2k22/amd64), vioscsi (2k22/amd64), NetKVM (2k22/amd64)";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);

    let result = last(&scene, "disk");
    assert_eq!(ntfs::problems(&result).unwrap(), "");
    let files = ntfs::files(&result).unwrap();
    let put: Vec<_> = files
        .keys()
        .filter_map(|name| name.strip_prefix("Windows/Drivers/VirtIO/"))
        .collect();
    assert_eq!(
        put,
        [
            "netkvm.cat",
            "netkvm.inf",
            "netkvm.sys",
            "vioscsi.cat",
            "vioscsi.inf",
            "vioscsi.sys",
            "viostor.cat",
            "viostor.inf",
            "viostor.sys"
        ]
    );
    for name in ["viostor", "vioscsi"] {
        let started = ntfs::read(&result, &format!("Windows/System32/drivers/{name}.sys")).unwrap();
        assert_eq!(started, format!("{name}/2k22/amd64 sys").into_bytes());
        let system = exported(&scene, &result, "SYSTEM");
        let service = &system[&format!(r"\ControlSet001\Services\{name}")];
        assert!(
            service.contains(&r#""Start"=dword:00000000"#.into()),
            "{service:?}"
        );
        let package = format!(r"\DriverDatabase\DriverPackages\snf-{name}.inf_virtio");
        assert!(system.contains_key(&package), "{package}");
    }
    let software = exported(&scene, &result, "SOFTWARE");
    let searched = &software[r"\Microsoft\Windows\CurrentVersion"];
    let ours = r#""DevicePath"=str(2):"%SystemRoot%\inf;%SystemRoot%\Drivers\VirtIO""#;
    assert!(searched.contains(&ours.into()), "{searched:?}");
}

#[test]
fn drivers_out_of_a_directory_are_put_into_a_server_of_2009_and_others_are_refused() {
    let Some(scene) = Scene::set() else { return };
    mbr(&scene, &volume(&scene, SERVER_2008_R2));
    drivers(&scene);
    fs::write(scene.path("text"), "no ISO file").unwrap();
    scene.blank("disk", SIZE + 2).unwrap();
    let directory = scene.directory().display();
    let configuration = format!("WINDOWS_DRIVERS_DIR=\"{directory}\"\n");
    let create = |name: &str| {
        let script = scene.script(&configuration).unwrap().with_disks(&["disk"]);
        let properties = format!(r#"{{"WINDOWS_DRIVERS": "{name}"}}"#);
        let script = script.with_image().with("OSP_IMG_PROPERTIES", &properties);
        script.run("create").unwrap()
    };
    for (name, words) in [
        ("none", "there is nothing of that name in"),
        ("text", "no ISO file"),
    ] {
        create(name).failed_with(&["WINDOWS_DRIVERS", words]);
    }
    let outcome = create("virtio-win");
    outcome.succeeded();
    assert!(
        outcome.stderr.contains("no driver NetKVM"),
        "{}",
        outcome.stderr
    );
    let result = last(&scene, "disk");
    assert_eq!(ntfs::problems(&result).unwrap(), "");
    let system = exported(&scene, &result, "SYSTEM");
    let device = r"\ControlSet001\Control\CriticalDeviceDatabase\PCI#VEN_1AF4&DEV_1001&REV_00";
    assert!(
        system[device].contains(&r#""Service"=str(1):"viostor""#.into()),
        "{:?}",
        system[device]
    );
}

#[test]
fn cloudbase_init_finds_user_data_on_a_disk_of_its_own_that_only_administrators_read() {
    let Some(scene) = Scene::set() else { return };
    let volume = volume(&scene, SERVER_2022);
    let commands = "mkdir -p 'Program Files/Cloudbase Solutions/Cloudbase-Init'";
    ntfs::change(&volume, commands, Path::new("/")).unwrap();
    gpt(&scene, &volume);
    scene.blank("disk", SIZE + 20).unwrap();
    scene.blank("data", 16).unwrap();
    let script = scene.script("").unwrap().with_disks(&["disk", "data"]);
    let script = script
        .with_image()
        .with("OSP_CLOUD_USERDATA", "I3BzMV9zeXNuYXRpdmUKZGF0ZQo=");
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

    let seed = last(&scene, "data");
    assert_eq!(ntfs::problems(&seed).unwrap(), "");
    let label = Tool::new("ntfslabel").arg(&seed).run().unwrap();
    assert_eq!(label.trim(), "config-2");
    let user_data = ntfs::read(&seed, "openstack/latest/user_data").unwrap();
    assert_eq!(user_data, b"#ps1_sysnative\ndate\n");
    let meta_data = ntfs::read(&seed, "openstack/latest/meta_data.json").unwrap();
    let meta_data: serde_json::Value = serde_json::from_slice(&meta_data).unwrap();
    assert_eq!(meta_data["hostname"], harness::INSTANCE);
    // Administrators, S-1-5-32-544, have a part in it; neither Users, 545, nor who has logged on, S-1-5-11.
    // Everyone, S-1-1-0, may ask for what it is (FILE_READ_ATTRIBUTES, FILE_READ_EA), and not read it.
    let access = ntfs::security(&seed, "openstack/latest/user_data").unwrap();
    let words: Vec<_> = access.lines().filter_map(|line| line.get(16..)).collect();
    let words = words.join(" ");
    let entries = [
        "20000000 20020000",
        "88001200 01010000 00000001 00000000",
        "20000000 21020000",
        "00000005 0b000000",
    ];
    assert_eq!(
        entries.map(|entry| words.contains(entry)),
        [true, true, false, false],
        "{access}"
    );
    let system = exported(&scene, &last(&scene, "disk"), "SYSTEM");
    let policy = &system[r"\ControlSet001\Services\partmgr\Parameters"];
    assert_eq!(policy, &[r#""SanPolicy"=dword:00000001"#]);
    // Windows itself is set up as ever.
    let answers = ntfs::read(&last(&scene, "disk"), "Windows/Panther/Unattend.xml").unwrap();
    assert!(String::from_utf8(answers).unwrap().contains(">inst1<"));
}
