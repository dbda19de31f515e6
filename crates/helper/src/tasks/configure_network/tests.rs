//! Images of every kind and what becomes of their network configuration.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;

use snf_image_protocol::{Ipv6, Parameters, Properties};

use super::*;
use crate::guest::testing::{Image, nothing};
use crate::network::testing::{dhcp, full, several};

fn with(nics: Vec<Nic>) -> Parameters {
    Parameters { nics, ..nothing() }
}

fn configured(image: &Image, nics: Vec<Nic>) -> (Result<Done>, Vec<String>) {
    image.run(run, &with(nics))
}

/// A Debian with what an installation and a cloud left behind.
fn debian() -> Image {
    let image = Image::debian();
    image
        .file("/sbin/ifup", "")
        .file("/usr/lib/udev/rules.d/60-net.rules", "")
        .file("/usr/lib/systemd/systemd", "")
        .file(
            "/etc/network/interfaces",
            "auto eth0\niface eth0 inet static\n\taddress 10.9.8.7/24\n",
        )
        .file(
            "/etc/network/interfaces.d/50-cloud-init",
            "iface ens3 inet dhcp\n",
        )
        .file(
            "/etc/udev/rules.d/70-persistent-net.rules",
            "NAME=\"eth0\"\n",
        )
        .file("/etc/cloud/cloud.cfg.d/05_logging.cfg", "");
    image
}

#[test]
fn what_the_image_had_is_put_aside_and_not_lost() {
    let image = debian();
    let (done, told) = configured(&image, full());
    assert_eq!(done.unwrap(), Done::Yes);
    assert!(told[0].ends_with("by ifupdown"), "{told:?}");
    assert!(told[1].contains("50-cloud-init"), "{told:?}");
    let interfaces = image.text("/etc/network/interfaces");
    assert!(interfaces.contains("address 192.0.2.5") && !interfaces.contains("10.9.8.7"));
    for path in [
        "/etc/network/interfaces",
        "/etc/network/interfaces.d/50-cloud-init",
        "/etc/udev/rules.d/70-persistent-net.rules",
    ] {
        assert!(image.path(&format!("{ASIDE}{path}")).exists(), "{path}");
    }
    assert_eq!(image.attributes(ASIDE), (0, 0, 0o700));
    assert!(
        !image
            .path("/etc/udev/rules.d/70-persistent-net.rules")
            .exists()
    );
    let off = image.text("/etc/cloud/cloud.cfg.d/zz-snf-image-network.cfg");
    assert!(off.contains("config: disabled"));
    insta::assert_snapshot!(image.text("/etc/resolv.conf"), @r"
    # Written by snf-image.
    search example.org example.net
    nameserver 192.0.2.53
    nameserver 2001:db8::53
    ");
}

#[test]
fn network_manager_is_switched_on_where_it_is_chosen_and_never_against_a_mask() {
    let image = Image::debian();
    image
        .file("/usr/lib/udev/rules.d/60-net.rules", "")
        .file("/usr/lib/systemd/systemd", "")
        .file("/usr/sbin/NetworkManager", "")
        .directory("/etc/NetworkManager/system-connections")
        .file(
            "/etc/systemd/system/multi-user.target.wants/dhcpcd.service",
            "",
        );
    let (done, told) = configured(&image, full());
    assert_eq!(done.unwrap(), Done::Yes);
    let switch = "/etc/systemd/system/multi-user.target.wants/NetworkManager.service";
    assert!(image.path(switch).is_symlink());
    let is_warned = told
        .iter()
        .any(|told| told.contains("dhcpcd is switched on"));
    assert!(is_warned, "{told:?}");
    image.link("/etc/systemd/system/NetworkManager.service", "/dev/null");
    let forced = Parameters {
        properties: Properties::new([(FORCED.to_owned(), "yes".to_owned())]).unwrap(),
        ..with(full())
    };
    let refused = image.run(run, &forced).0.unwrap_err().to_string();
    assert!(refused.contains("masked"), "{refused}");
}

#[test]
fn busybox_is_told_what_it_knows_and_nothing_else() {
    let image = Image::debian();
    image
        .file("/bin/busybox", "")
        .link("/sbin/ifup", "../bin/busybox")
        .directory("/etc/network/interfaces.d")
        .file("/etc/network/interfaces", "iface eth0 inet dhcp\n");
    let slaac = |ipv6| {
        let mut nics = dhcp();
        nics.iter_mut().for_each(|nic| nic.ipv6 = ipv6);
        nics
    };
    configured(&image, slaac(Ipv6::Slaac)).0.unwrap();
    let text = image.text("/etc/network/interfaces");
    assert!(text.contains("iface eth0 inet6 manual"), "{text}");
    assert!(
        !text.contains("inet6 auto") && !text.contains("source"),
        "{text}"
    );
    let refused = configured(&image, slaac(Ipv6::Dhcp)).0.unwrap_err();
    assert!(refused.to_string().contains("DHCPv6"), "{refused}");
}

#[test]
fn a_second_run_replaces_the_first_and_keeps_what_was_before() {
    let image = debian();
    configured(&image, several()).0.unwrap();
    let (done, told) = configured(&image, dhcp());
    done.unwrap();
    assert_eq!(told.len(), 1, "nothing more is put aside: {told:?}");
    let after = image.everything();
    let other = debian();
    configured(&other, dhcp()).0.unwrap();
    let names = |image: &Image| -> Vec<_> {
        let top = image.path("/");
        let all = image.everything();
        all.keys()
            .map(|path| path.strip_prefix(&top).unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&image), names(&other));
    configured(&image, dhcp()).0.unwrap();
    assert_eq!(image.everything(), after);
}

#[test]
fn another_system_s_files_go_and_the_loopback_stays() {
    let image = debian();
    image
        .file("/usr/sbin/NetworkManager", "")
        .file(
            "/etc/NetworkManager/system-connections/old",
            "[connection]\ntype = ethernet\n",
        )
        .file(
            "/etc/NetworkManager/system-connections/vpn",
            "[connection]\ntype=vpn\n",
        )
        .file(
            "/usr/lib/NetworkManager/conf.d/10-globally-managed-devices.conf",
            "",
        );
    let forced = Properties::new([("NM_NETWORKING".to_owned(), "yes".to_owned())]).unwrap();
    let parameters = Parameters {
        properties: forced,
        ..with(full())
    };
    image.run(run, &parameters).0.unwrap();
    let directory = keyfile::DIRECTORY;
    let own = format!("{directory}/snf-image-nic0.nmconnection");
    assert_eq!(image.attributes(&own), (0, 0, 0o600));
    assert!(!image.path(&format!("{directory}/old")).exists());
    assert!(image.path(&format!("{directory}/vpn")).exists());
    let [_, managed] = keyfile::UNMANAGED;
    assert!(image.path(managed).exists());
    let interfaces = image.text("/etc/network/interfaces");
    assert!(interfaces.contains("iface lo") && !interfaces.contains("nic0"));
    assert!(
        !image.path("/etc/resolv.conf").exists(),
        "NetworkManager writes it"
    );
}

#[test]
fn a_system_that_is_not_there_cannot_be_forced() {
    let image = debian();
    let forced = Properties::new([("NM_NETWORKING".to_owned(), "yes".to_owned())]).unwrap();
    let parameters = Parameters {
        properties: forced,
        ..with(dhcp())
    };
    let fault = image.run(run, &parameters).0.unwrap_err().to_string();
    assert!(fault.contains("NM_NETWORKING"), "{fault}");
}

#[test]
fn an_unknown_system_is_a_failure_only_where_addresses_were_asked_for() {
    let image = Image::empty();
    let fault = configured(&image, full()).0.unwrap_err().to_string();
    assert!(fault.contains("EXCLUDE_TASK_CONFIGURENETWORK"), "{fault}");
    let by_default = dhcp()
        .into_iter()
        .map(|nic| Nic {
            is_asked_for: false,
            ..nic
        })
        .collect();
    assert!(matches!(
        configured(&image, by_default).0,
        Ok(Done::Skipped(_))
    ));
    assert!(matches!(
        configured(&image, Vec::new()).0,
        Ok(Done::Skipped(_))
    ));
    assert_eq!(image.everything().len(), 1);
}

#[test]
fn servers_reach_the_image_by_its_own_resolver_or_not_at_all() {
    let image = debian();
    image.link(
        "/etc/resolv.conf",
        "../run/systemd/resolve/stub-resolv.conf",
    );
    configured(&image, full()).0.unwrap();
    assert!(
        image
            .text(resolv_conf::RESOLVED)
            .contains("DNS=192.0.2.53 2001:db8::53\n")
    );
    assert!(image.path("/etc/resolv.conf").is_symlink());

    let image = debian();
    image.file("/sbin/resolvconf", "");
    configured(&image, full()).0.unwrap();
    let interfaces = image.text("/etc/network/interfaces");
    assert!(interfaces.contains("dns-nameservers 192.0.2.53 2001:db8::53"));

    let image = debian();
    image.link("/etc/resolv.conf", "/run/somebody/resolv.conf");
    assert!(configured(&image, full()).0.is_err());
    configured(&image, dhcp()).0.unwrap();
}

#[test]
fn masks_stay_and_other_links_go() {
    let image = Image::empty();
    image
        .file("/usr/lib/systemd/systemd-networkd", "")
        .file("/usr/lib/systemd/systemd", "")
        .file("/usr/share/own.network", "[Match]\nName=*\n")
        .directory("/etc/systemd/network")
        .link("/etc/systemd/network/99-default.link", "/dev/null")
        .link(
            "/etc/systemd/network/05-own.network",
            "/usr/share/own.network",
        )
        .file("/etc/systemd/network/lan.netdev", "[NetDev]\n")
        .file(
            "/etc/systemd/network/20-wired.network",
            "[Match]\nName=en*\n",
        );
    configured(&image, dhcp()).0.unwrap();
    let left: Vec<_> = fs::read_dir(image.path("/etc/systemd/network"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in ["10-snf-image-nic0.network", "99-default.link", "lan.netdev"] {
        assert!(left.iter().any(|left| left == name), "{name}: {left:?}");
    }
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(image.path("/usr/share/own.network").exists());
    let unit = "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service";
    assert!(image.path(unit).is_symlink());
}

#[test]
fn links_in_place_of_files_stay_inside_the_image() {
    let image = debian();
    fs::remove_file(image.path("/etc/network/interfaces")).unwrap();
    image.link("/etc/network/interfaces", &image.outside("interfaces"));
    image.link("/etc/network/interfaces.d", &image.outside(""));
    let _ = configured(&image, full());
    let image = debian();
    image.link("/etc/snf-image", &image.outside(""));
    assert!(configured(&image, full()).0.is_err());
    for trap in ["/etc/network/interfaces", "/etc/resolv.conf"] {
        let image = debian();
        image.fifo(trap);
        assert!(configured(&image, full()).0.is_err(), "{trap}");
    }
}
