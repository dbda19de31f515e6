//! Which network system trees of real and of documented systems are found to use.
// SPDX-License-Identifier: BSD-2-Clause

use super::super::super::guest::testing::{Image, samples};
use super::*;

/// What is found in a tree of these: `PATH`, `PATH=CONTENT`, `DIRECTORY/`, `on:SERVICE`.
fn of(files: &[&str]) -> Option<System> {
    let image = Image::empty();
    for file in files {
        if let Some(service) = file.strip_prefix("on:") {
            image.file(&on(service), "");
            continue;
        }
        match file.split_once('=') {
            Some((path, content)) => image.file(path, content),
            None if file.ends_with('/') => image.directory(file),
            None => image.file(file, ""),
        };
    }
    image.confined(|root| detect(&root).unwrap())
}

const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";

fn on(unit: &str) -> String {
    format!("{WANTS}/{unit}.service")
}

#[test]
fn debian_up_to_13_and_its_clouds() {
    let server = [
        "/usr/sbin/ifup",
        "/lib/systemd/systemd-networkd",
        "/etc/network/interfaces=auto lo\niface lo inet loopback\n",
        "on:networking",
    ];
    assert_eq!(of(&server), Some(System::Ifupdown));
    let desktop = [
        &server[..],
        &["/usr/sbin/NetworkManager", "on:NetworkManager"],
    ]
    .concat();
    assert_eq!(of(&desktop), Some(System::NetworkManager));
    let configured = [
        &desktop[..],
        &["/etc/network/interfaces.d/eth0=allow-hotplug eth0\niface eth0 inet dhcp\n"],
    ]
    .concat();
    assert_eq!(of(&configured), Some(System::Ifupdown));
    let cloud = [
        "/usr/sbin/netplan",
        "/lib/systemd/systemd-networkd",
        "/etc/netplan/90-default.yaml=network:\n  version: 2\n",
        "on:systemd-networkd",
    ];
    assert_eq!(
        of(&cloud),
        Some(System::Netplan {
            network_manager: false
        })
    );
}

#[test]
fn ubuntu_with_netplan_for_either_and_before_it() {
    let manager = "/etc/netplan/01-network-manager-all.yaml=network:\n  renderer: NetworkManager\n";
    let desktop = ["/usr/sbin/netplan", "/usr/sbin/NetworkManager", manager];
    assert_eq!(
        of(&desktop),
        Some(System::Netplan {
            network_manager: true
        })
    );
    let without_a_file = [
        "/usr/share/netplan/",
        "/etc/netplan/",
        "/lib/systemd/systemd-networkd",
    ];
    assert_eq!(
        of(&without_a_file),
        Some(System::Netplan {
            network_manager: false
        })
    );
    let upstart = [
        "/sbin/ifup",
        "/etc/init/networking.conf",
        "/etc/network/interfaces=auto eth0\niface eth0 inet dhcp\n",
    ];
    assert_eq!(of(&upstart), Some(System::Ifupdown));
}

#[test]
fn red_hat_with_its_scripts_and_without() {
    let scripts = "/etc/sysconfig/network-scripts/ifup-eth";
    let seven = [
        scripts,
        "/usr/sbin/NetworkManager",
        "on:NetworkManager",
        "/usr/sbin/ifup",
    ];
    assert_eq!(of(&seven), Some(System::Initscripts));
    let nine = [
        "/usr/sbin/NetworkManager",
        "on:NetworkManager",
        "/etc/sysconfig/network-scripts/ifcfg-eth0=BOOTPROTO=dhcp\n",
    ];
    assert_eq!(of(&nine), Some(System::NetworkManager));
}

#[test]
fn suse_by_wicked_until_network_manager_takes_over() {
    let wicked = ["/etc/sysconfig/network/config", "/usr/sbin/wicked"];
    assert_eq!(of(&wicked), Some(System::Suse));
    let manager = [
        &wicked[..],
        &["/usr/sbin/NetworkManager", "on:NetworkManager"],
    ]
    .concat();
    assert_eq!(of(&manager), Some(System::NetworkManager));
}

#[test]
fn arch_gentoo_alpine_slackware_and_flatcar() {
    let networkd = "/usr/lib/systemd/systemd-networkd";
    for (files, expected) in [
        (
            &[networkd, "/usr/bin/netctl", "/etc/netctl/"][..],
            System::Netctl,
        ),
        (
            &[
                networkd,
                "/usr/bin/netctl",
                "/etc/netctl/",
                "on:systemd-networkd",
            ],
            System::Networkd { is_enabled: true },
        ),
        (&["/etc/init.d/net.lo"], System::Netifrc),
        (
            &[
                "/sbin/ifup",
                "/etc/network/",
                "/etc/runlevels/boot/networking",
            ],
            System::Ifupdown,
        ),
        (&["/etc/rc.d/rc.inet1.conf"], System::Slackware),
        (
            &[
                networkd,
                "/usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service",
            ],
            System::Networkd { is_enabled: true },
        ),
        (&[networkd], System::Networkd { is_enabled: false }),
    ] {
        assert_eq!(of(files), Some(expected), "{files:?}");
    }
    assert_eq!(of(&["/etc/hostname"]), None);
}

#[test]
fn a_masked_service_is_not_switched_on() {
    let image = Image::empty();
    image
        .file("/usr/sbin/NetworkManager", "")
        .file(&on("NetworkManager"), "")
        .file("/lib/systemd/systemd-networkd", "")
        .file(&on("systemd-networkd"), "");
    let found = || image.confined(|root| detect(&root).unwrap());
    assert_eq!(found(), Some(System::NetworkManager));
    image.link("/etc/systemd/system/NetworkManager.service", "/dev/null");
    assert_eq!(found(), Some(System::Networkd { is_enabled: true }));
    std::fs::remove_file(image.path(&on("systemd-networkd"))).unwrap();
    image.directory("/etc/NetworkManager/system-connections");
    assert_eq!(found(), Some(System::Networkd { is_enabled: false }));
}

#[test]
fn files_of_ifupdown_without_its_program_are_what_is_left_of_it() {
    let left = "/etc/network/interfaces=auto ens3\niface ens3 inet dhcp\n";
    for (service, system) in [
        (
            ["/lib/systemd/systemd-networkd", "on:systemd-networkd"],
            System::Networkd { is_enabled: true },
        ),
        (
            ["/usr/sbin/NetworkManager", "on:NetworkManager"],
            System::NetworkManager,
        ),
    ] {
        let files = [&service[..], &[left]].concat();
        assert_eq!(of(&files), Some(system));
        let files = [&service[..], &[left, "/sbin/ifup"]].concat();
        assert_eq!(of(&files), Some(System::Ifupdown));
    }
}

#[test]
fn trees_of_real_systems_are_what_their_files_say() {
    let Some(samples) = samples("etc") else {
        return;
    };
    for (tree, expected) in [
        // These are made of configuration alone, without the programs that read it.
        ("rootfs-skeleton/cirros-0.5.3", None),
        ("rootfs-skeleton/busyboxplus-buildroot", None),
        ("augeas-root", None),
        ("rootfs-skeleton/alpine-3.20.3", None),
        ("python-distro/debian13", None),
        ("python-distro/fedora42", None),
    ] {
        let root = Root::open(&samples.join(tree)).unwrap();
        assert_eq!(detect(&root).unwrap(), expected, "{tree}");
    }
}
