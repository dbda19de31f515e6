//! Images with and without cloud-init, and what it is told.
// SPDX-License-Identifier: BSD-2-Clause

use rand::SeedableRng;
use rand::rngs::StdRng;
use snf_image_protocol::{Hostname, Nic, Secret};

use super::detect::{Found, detect};
use super::seed::{FirstStart, Means, clean_up, identify, instance_id, meta_data, network, pin};
use super::{CloudInit, PIN};
use crate::guest::testing::Image;
use crate::network::cloud_init::{version1, version2};
use crate::network::testing::{dhcp, full, on_link, several};

/// A Debian with cloud-init, as its package brings it.
pub(crate) fn debian() -> Image {
    let image = Image::debian();
    let packages = "/usr/lib/python3/dist-packages/cloudinit";
    image
        .file("/usr/bin/cloud-init", "")
        .file(
            "/etc/cloud/cloud.cfg",
            "users:\n   - default\nsystem_info:\n   default_user:\n     name: admin\n     lock_passwd: True\n",
        )
        .file(
            "/etc/cloud/cloud.cfg.d/90_dpkg.cfg",
            "# to update this file, run dpkg-reconfigure cloud-init\ndatasource_list: [ Ec2, OpenStack, None ]\n",
        )
        .file(&format!("{packages}/version.py"), "# x\n__VERSION__ = \"22.4.2\"\n")
        .file(&format!("{packages}/net/__init__.py"), "")
        .link(
            "/etc/systemd/system/cloud-init.target.wants/cloud-init.service",
            "/lib/systemd/system/cloud-init.service",
        );
    image
}

fn found(image: &Image, is_asked_for: bool) -> Found {
    image.confined(|root| detect(&root, is_asked_for).unwrap())
}

fn usable() -> CloudInit {
    CloudInit {
        version: Some((22, 4)),
        default_user: Some("admin".into()),
        no_network: None,
    }
}

#[track_caller]
fn is_not(image: &Image, why: &str) {
    match found(image, false) {
        Found::Not(reason) => assert!(reason.contains(why), "{reason}"),
        Found::Usable(found) => panic!("{found:?}, although {why}"),
    }
}

#[test]
fn cloud_init_is_found_where_the_machine_starts_it() {
    assert_eq!(found(&debian(), false), Found::Usable(usable()));
    is_not(&Image::debian(), "has no cloud-init");
    let newer = debian();
    newer.link(
        "/etc/systemd/system/cloud-init.target.wants/cloud-init.service",
        "x",
    );
    std::fs::rename(
        newer.path("/etc/systemd/system/cloud-init.target.wants/cloud-init.service"),
        newer.path("/etc/systemd/system/cloud-init.target.wants/cloud-init-network.service"),
    )
    .unwrap();
    assert!(matches!(found(&newer, false), Found::Usable(_)));
    let alpine = debian();
    std::fs::remove_dir_all(alpine.path("/etc/systemd")).unwrap();
    is_not(&alpine, "no service starts it");
    alpine.link(
        "/etc/runlevels/boot/cloud-init-local",
        "/etc/init.d/cloud-init-local",
    );
    assert!(matches!(found(&alpine, false), Found::Usable(_)));
}

#[test]
fn what_switches_it_off_is_seen() {
    let disabled = debian();
    disabled.file("/etc/cloud/cloud-init.disabled", "");
    is_not(&disabled, "cloud-init.disabled");
    let masked = debian();
    masked.link("/etc/systemd/system/cloud-init.service", "/dev/null");
    is_not(&masked, "no service");
    let none = debian();
    none.file(
        "/etc/cloud/cloud.cfg.d/99-installer.cfg",
        "datasource_list: [None]\n",
    );
    is_not(&none, "datasource_list");
    assert!(matches!(found(&none, true), Found::Usable(_)));
    // What a deployment before this one has written says nothing of the image.
    let again = debian();
    again.file(PIN, pin());
    assert_eq!(found(&again, false), Found::Usable(usable()));
}

#[test]
fn what_it_can_do_is_found_out() {
    let change = |path: &str, text: &str| {
        let image = debian();
        image.file(path, text);
        match found(&image, false) {
            Found::Usable(found) => found,
            Found::Not(reason) => panic!("{reason}"),
        }
    };
    let version = "/usr/lib/python3/dist-packages/cloudinit/version.py";
    assert_eq!(
        change(version, "__VERSION__ = '0.7.9'\n").version,
        Some((0, 7))
    );
    assert_eq!(change(version, "nothing\n").version, None);
    let own = "/etc/cloud/cloud.cfg.d/99-network.cfg";
    let network = change(own, "network: {config: disabled}\n");
    assert!(network.no_network.unwrap().contains("says something"));
    let users = change(own, "users: []\n");
    assert_eq!(users.default_user, None);
    let old = debian();
    std::fs::remove_dir_all(old.path("/usr/lib/python3/dist-packages/cloudinit/net")).unwrap();
    match found(&old, false) {
        Found::Usable(found) => assert!(found.no_network.unwrap().contains("too old")),
        Found::Not(reason) => panic!("{reason}"),
    }
}

#[test]
fn links_and_fifos_in_its_place_do_no_harm() {
    let image = debian();
    image.fifo("/etc/cloud/cloud.cfg.d/zz.cfg");
    let refused = image.confined(|root| detect(&root, false)).unwrap_err();
    assert!(refused.to_string().contains("a FIFO"), "{refused}");
    let link = debian();
    link.link("/etc/cloud/cloud.cfg.d/zz.cfg", "/dev/null");
    link.link(
        "/usr/lib/python3/dist-packages/cloudinit/version.py",
        "version.py",
    );
    assert!(link.confined(|root| detect(&root, false)).is_err());
}

#[test]
fn no_two_deployments_have_one_instance_id() {
    let mut random = StdRng::from_seed([7; 32]);
    let (one, two) = (instance_id(&mut random), instance_id(&mut random));
    assert_ne!(one, two);
    assert!(one.starts_with("snf-") && one.len() == 36, "{one}");
}

#[test]
fn the_seed_and_the_configuration_are_as_cloud_init_reads_them() {
    let name = Hostname::new("vm.example.org").unwrap();
    let hash = Secret::new("$6$salt$ha\"sh".into());
    let keys = ["ssh-ed25519 AAAA \"me\" # home"];
    let full = FirstStart {
        has_password: true,
        has_root_keys: true,
        unlocks_default_user: true,
        hash: Some(&hash),
        keys: &keys,
    };
    let all = [
        ("meta-data", meta_data("snf-1", Some(&name), &keys)),
        ("meta-data of nothing", meta_data("snf-1", None, &[])),
        ("the pin", pin()),
        ("ds-identify.cfg", identify()),
        ("first start", full.text().expose().to_owned()),
        (
            "first start of nothing",
            FirstStart::default().text().expose().to_owned(),
        ),
        ("clean-up", clean_up()),
    ];
    let shown: String = all
        .map(|(name, text)| format!("--- {name}\n{text}"))
        .concat();
    insta::assert_snapshot!(shown);
}

#[test]
fn the_network_is_left_to_a_cloud_init_that_has_the_words() {
    let new = usable();
    let plain = Means::default();
    let netplan = Means {
        netplan: true,
        ..plain
    };
    assert_eq!(network(&new, &full(), plain), Ok(version1(&full())));
    assert_eq!(network(&new, &several(), plain), Ok(version1(&several())));
    assert_eq!(network(&new, &on_link(), netplan), Ok(version2(&on_link())));
    let refused = |found: &CloudInit, nics: &[Nic], means: Means, why: &str| {
        let reason = network(found, nics, means).unwrap_err();
        assert!(reason.contains(why), "{reason}");
    };
    refused(&new, &on_link(), plain, "gateway");
    let losing = Means {
        loses_routes: true,
        ..plain
    };
    refused(&new, &full(), losing, "route");
    assert_eq!(network(&new, &several(), losing), Ok(version1(&several())));
    let old = CloudInit {
        version: Some((0, 7)),
        ..usable()
    };
    assert_eq!(network(&old, &dhcp(), plain), Ok(version1(&dhcp())));
    refused(&old, &several(), plain, "IPv6");
    refused(&old, &full(), plain, "IPv6");
    let none = CloudInit {
        no_network: Some("why"),
        ..usable()
    };
    refused(&none, &dhcp(), netplan, "why");
}
