//! A Windows that gets the drivers for its machine.
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
