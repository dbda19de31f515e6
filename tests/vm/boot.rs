//! A real system: deployed, booted, logged in to.
// SPDX-License-Identifier: BSD-2-Clause

use std::time::Duration;

use harness::Scene;
use snf_image_testkit::disk::gpt_problems;
use snf_image_testkit::machine::Machine;

const BOOT: Duration = Duration::from_secs(180);

#[test]
fn the_deployed_debian_boots_and_lets_its_owner_in() {
    let Some(scene) = Scene::set() else { return };
    let password = scene.write("password", "correct horse\n").unwrap();
    let file = scene.write("file", "content\n").unwrap();
    let password = password.to_str().unwrap();
    let injection = format!("{}:/opt/file", file.display());
    scene
        .deploy(
            &scene.product.demo_image,
            "disk",
            [
                "--size",
                "6G",
                "--hostname",
                "boot.example.org",
                "--password-file",
                password,
                "--property",
                "USERS=root",
                "--inject",
                &injection,
            ],
        )
        .unwrap()
        .succeeded();

    assert_eq!(gpt_problems(&scene.path("disk")).unwrap(), "");
    let disk_id = scene.root_of("disk").unwrap().text("/etc/machine-id");

    let mut machine = Machine::boot(&scene.path("disk")).unwrap();
    let console = &mut machine.console;
    console.login("root", "correct horse", BOOT).unwrap();
    assert_eq!(console.run("hostname").unwrap(), "boot.example.org");
    let size = console.run("df --output=size -B1 / | tail -n 1").unwrap();
    assert!(size.trim().parse::<u64>().unwrap() > 5 << 30, "{size}");
    assert_eq!(console.run("cat /opt/file").unwrap(), "content");
    let id = console.run("cat /etc/machine-id").unwrap();
    assert_eq!((id.as_str(), id.len()), (disk_id.unwrap().trim(), 32));
    let keys = console
        .run("for k in /etc/ssh/ssh_host_*.pub; do ssh-keygen -lf $k; done | wc -l")
        .unwrap();
    assert_eq!(keys, "3");
    assert_eq!(console.run("systemctl is-active ssh").unwrap(), "active");
    assert_eq!(
        console.run("findmnt -n -o FSTYPE /boot/efi").unwrap(),
        "vfat"
    );
    console.send_line("poweroff").unwrap();
    assert!(machine.wait_for_power_off().unwrap().success());
    assert_eq!(scene.root_of("disk").unwrap().problems().unwrap(), "");
}
