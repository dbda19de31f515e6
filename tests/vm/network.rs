//! A real system that is reached over its network, at the addresses that it was given.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(clippy::unwrap_used, reason = "a test may end on a fault")]

use std::time::Duration;

use harness::Scene;
use snf_image_testkit::machine::{Machine, UserNetwork};
use snf_image_testkit::tool::Tool;

const BOOT: Duration = Duration::from_secs(180);

const STATIC: &str = "52:54:00:5e:00:01";
const DHCP: &str = "52:54:00:5e:00:02";

/// Two interfaces in another order on the bus than in the request, so that names by slot would be
/// wrong for both. One has an address of its own, the other asks QEMU's DHCP server.
#[test]
fn a_debian_is_reached_at_its_own_address_and_at_the_one_from_dhcp() {
    let Some(scene) = Scene::set() else { return };
    let key = scene.path("key");
    Tool::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .run()
        .unwrap();
    let password = scene.write("password", "correct horse\n").unwrap();
    let public = key.with_extension("pub");
    let fixed = format!(
        "mac={STATIC},address=10.0.2.77/24,gateway=10.0.2.2,dns=10.0.2.3,search=example.org,mtu=1400"
    );
    let asking = format!("mac={DHCP},dhcp");
    scene
        .deploy(
            &scene.product.demo_image,
            "disk",
            [
                "--hostname",
                "net.example.org",
                "--password-file",
                password.to_str().unwrap(),
                "--ssh-key",
                public.to_str().unwrap(),
                "--nic",
                &fixed,
                "--nic",
                &asking,
            ],
        )
        .unwrap()
        .succeeded();

    let networks = [
        UserNetwork::new(DHCP, "10.9.8.0/24", "10.9.8.15").unwrap(),
        UserNetwork::new(STATIC, "10.0.2.0/24", "10.0.2.77").unwrap(),
    ];
    let mut machine = Machine::boot_in(&scene.path("disk"), &networks).unwrap();
    let console = &mut machine.console;
    console.login("root", "correct horse", BOOT).unwrap();
    let state = console.run("systemctl is-system-running --wait").unwrap();
    assert_eq!(state, "running");

    for network in &networks {
        let ssh = |command: &str| network.ssh("root", &key, command).unwrap();
        assert_eq!(ssh("hostname"), "net.example.org\n");
        let addresses = ssh("ip -4 -o addr show");
        assert!(
            addresses.contains("nic0    inet 10.0.2.77/24 "),
            "{addresses}"
        );
        assert!(
            addresses.contains("nic1    inet 10.9.8.15/24 "),
            "{addresses}"
        );
    }
    let route = console.run("ip route show default dev nic0").unwrap();
    assert!(route.contains("via 10.0.2.2"), "{route}");
    let link = console.run("cat /sys/class/net/nic0/mtu").unwrap();
    assert_eq!(link, "1400");
    let resolver = console.run("cat /etc/resolv.conf").unwrap();
    assert!(resolver.contains("10.0.2.3"), "{resolver}");
    console.send_line("poweroff").unwrap();
    assert!(machine.wait_for_power_off().unwrap().success());
}
