//! A real system whose cloud-init does at the first start what the deployment asked for.
//!
//! The boot is run on demand, with SNF_CLOUD_IMAGE as `cargo xtask image --cloud-init` names it.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(clippy::unwrap_used, reason = "a test may end on a fault")]

use std::time::Duration;

use harness::Scene;
use snf_image_testkit::ext::Ext;
use snf_image_testkit::machine::{Machine, UserNetwork};
use snf_image_testkit::tool::Tool;

const BOOT: Duration = Duration::from_secs(240);

const STATIC: &str = "52:54:00:5e:00:01";
const DHCP: &str = "52:54:00:5e:00:02";

const SEED: &str = "/var/lib/cloud/seed/nocloud";
const FIRST_START: &str = "/etc/cloud/cloud.cfg.d/zz-snf-image-first-start.cfg";

/// It has a secret of its owner's, and says with what rights and how often it ran.
const USER_DATA: &str = "#!/bin/sh\n# hunter2\nid -un >>/root/ran\n";

fn key(scene: &Scene) -> String {
    let key = scene.path("key");
    Tool::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .run()
        .unwrap();
    key.with_extension("pub").to_str().unwrap().to_owned()
}

/// What only root may read, and what the machine that the image was made on has left.
fn on_the_disk(root: &Ext) {
    assert_eq!(root.text(&format!("{SEED}/user-data")).unwrap(), USER_DATA);
    let pin = root.text("/etc/cloud/cloud.cfg.d/zz-snf-image.cfg");
    assert!(pin.unwrap().contains("[ NoCloud, None ]"));
    assert!(root.text(FIRST_START).unwrap().contains("ssh_pwauth: true"));
}

#[test]
#[ignore = "a whole boot; the first start is tried every day without one"]
fn a_debian_with_cloud_init_becomes_the_machine_that_was_asked_for() {
    let Some(scene) = Scene::set() else { return };
    let Some(image) = scene.product.cloud_image.clone() else {
        eprintln!("skipped: SNF_CLOUD_IMAGE names no image with cloud-init");
        return;
    };
    let public = key(&scene);
    let password = scene.write("password", "correct horse\n").unwrap();
    let user_data = scene.write("user-data", USER_DATA).unwrap();
    let fixed = format!("mac={STATIC},address=10.0.2.77/24,gateway=10.0.2.2,dns=10.0.2.3");
    let asking = format!("mac={DHCP},dhcp");
    scene
        .deploy(
            &image,
            "disk",
            [
                "--size=3G",
                "--hostname=cloud.example.org",
                "--property=USERS=root debian",
                "--password-file",
                password.to_str().unwrap(),
                "--ssh-key",
                &public,
                "--user-data",
                user_data.to_str().unwrap(),
                "--nic",
                &fixed,
                "--nic",
                &asking,
            ],
        )
        .unwrap()
        .succeeded();
    let root = scene.root_of("disk").unwrap();
    on_the_disk(&root);
    let host_key = root.text("/etc/ssh/ssh_host_ed25519_key.pub").unwrap();

    let networks = [
        UserNetwork::new(DHCP, "10.9.8.0/24", "10.9.8.15").unwrap(),
        UserNetwork::new(STATIC, "10.0.2.0/24", "10.0.2.77").unwrap(),
    ];
    let mut machine = Machine::boot_in(&scene.path("disk"), &networks).unwrap();
    let console = &mut machine.console;
    console.login("root", "correct horse", BOOT).unwrap();
    // A failed stage would be an error of this command.
    let status = console.run("cloud-init status --wait --long").unwrap();
    assert!(status.contains("status: done"), "{status}");
    assert!(status.contains("DataSourceNoCloud"), "{status}");
    let state = console.run("systemctl is-system-running --wait").unwrap();
    assert_eq!(state, "running");

    for (user, network) in [("root", &networks[0]), ("debian", &networks[1])] {
        let ssh = |command: &str| network.ssh(user, &scene.path("key"), command).unwrap();
        assert_eq!(
            ssh("id -un; hostname --fqdn"),
            format!("{user}\ncloud.example.org\n")
        );
        let addresses = ssh("/sbin/ip -4 -o addr show");
        assert!(
            addresses.contains("nic0    inet 10.0.2.77/24 "),
            "{addresses}"
        );
        assert!(
            addresses.contains("nic1    inet 10.9.8.15/24 "),
            "{addresses}"
        );
    }
    let said = |console: &mut snf_image_testkit::console::Console, command: &str| {
        console.run(command).unwrap()
    };
    // The user of cloud-init has the password too, and the host keys are those that came along.
    let hashed = said(console, "getent shadow debian | cut -d: -f2 | cut -c1-3");
    assert_eq!(hashed, "$6$");
    let kept = said(console, "cat /etc/ssh/ssh_host_ed25519_key.pub");
    assert_eq!(kept, host_key.trim());
    assert_eq!(said(console, "cat /root/ran"), "root");
    // The secrets are gone, but for what cloud-init itself keeps for root.
    assert_eq!(said(console, &format!("stat -c %s {SEED}/user-data")), "0");
    console.run(&format!("test ! -e {FIRST_START}")).unwrap();
    let open = "grep -rl hunter2 /etc /var /run --exclude-dir=journal 2>/dev/null | \
                xargs -r stat -c '%a %U' | sort -u";
    let open = said(console, open);
    assert!(
        open.lines()
            .all(|line| matches!(line, "600 root" | "700 root" | "400 root")),
        "{open}"
    );
    console.send_line("poweroff").unwrap();
    assert!(machine.wait_for_power_off().unwrap().success());
    assert_eq!(scene.root_of("disk").unwrap().problems().unwrap(), "");
}

#[test]
fn user_data_is_checked_before_the_target_is_touched() {
    let Some(scene) = Scene::set() else { return };
    let image = scene.small_image(snf_image_testkit::tree::debian).unwrap();
    let user_data = scene.write("user-data", USER_DATA).unwrap();
    let user_data = user_data.to_str().unwrap();
    let large = scene.write("large", vec![b'#'; (1 << 20) + 1]).unwrap();
    for (arguments, words) in [
        (
            vec!["--user-data", user_data, "--property=CLOUD_INIT=no"],
            "CLOUD_INIT=no",
        ),
        (vec!["--user-data", large.to_str().unwrap()], "1048576"),
        (
            vec!["--user-data", "/nonexistent/file"],
            "/nonexistent/file",
        ),
        (vec!["--property=CLOUD_INIT=perhaps"], "yes, no or auto"),
    ] {
        let refused = scene.deploy(&image, "disk", arguments).unwrap();
        refused.ended_with(2).complained_of(&[words]);
        assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
        assert!(!scene.path("disk").exists());
    }
    // Only the helper can see that nobody in the image would read it.
    let refused = scene.deploy(&image, "disk", ["--user-data", user_data]);
    let refused = refused.unwrap();
    assert_ne!(refused.code, Some(0));
    assert!(
        refused.stderr.contains("the image has no cloud-init"),
        "{}",
        refused.stderr
    );
    scene
        .deploy(&image, "disk", ["--property=CLOUD_INIT=auto"])
        .unwrap()
        .succeeded();
}
