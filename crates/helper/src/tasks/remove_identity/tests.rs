//! Tests of taking away what belongs to another machine.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{Parameters, Properties};

use super::*;
use crate::guest::testing::{Image, nothing};

fn keeping(parts: &str) -> Parameters {
    let properties = [("KEEP_IDENTITY".to_owned(), parts.to_owned())];
    Parameters {
        properties: Properties::new(properties).unwrap(),
        ..nothing()
    }
}

/// A file of each part.
const TRACES: [(Identity, &str); 10] = [
    (Identity::RandomSeed, "/var/lib/systemd/random-seed"),
    (
        Identity::CredentialSecret,
        "/var/lib/systemd/credential.secret",
    ),
    (Identity::DhcpLeases, "/var/lib/dhcp/dhclient.eth0.leases"),
    (
        Identity::NetworkManager,
        "/var/lib/NetworkManager/secret_key",
    ),
    (
        Identity::InterfaceNames,
        "/etc/udev/rules.d/70-persistent-net.rules",
    ),
    (
        Identity::CloudInit,
        "/var/lib/cloud/instances/i-1/user-data.txt",
    ),
    (Identity::LvmDevices, "/etc/lvm/devices/system.devices"),
    (Identity::Iscsi, "/etc/iscsi/initiatorname.iscsi"),
    (Identity::Nvme, "/etc/nvme/hostid"),
    (Identity::YumUuid, "/var/lib/yum/uuid"),
];

fn content(part: Identity) -> &'static str {
    match part {
        Identity::Iscsi => "## name\nInitiatorName=iqn.1993-08.org.debian:01:abcdef\n",
        Identity::InterfaceNames => {
            "# made\nSUBSYSTEM==\"net\", ATTR{address}==\"x\", NAME=\"eth0\"\n"
        }
        _ => "old\n",
    }
}

fn used() -> Image {
    let image = Image::debian();
    for (part, path) in TRACES {
        image.file(path, content(part));
    }
    image
}

#[test]
fn every_part_goes_or_is_drawn_anew_and_nothing_else_changes() {
    let image = used();
    image
        .file("/var/lib/dhcp/dhcpd.leases", "of a server")
        .file("/var/lib/cloud/seed/nocloud/meta-data", "seed")
        .file("/root/.bash_history", "ls")
        .link("/var/lib/cloud/instance", "/var/lib/cloud/instances/i-1");
    let mut before = image.everything();
    let (done, notices) = image.run(run, &nothing());
    assert_eq!(done.unwrap(), Done::Yes);
    for (part, path) in TRACES {
        match part {
            Identity::Iscsi => {
                let name = image.text(path);
                let own = name.strip_prefix("## name\nInitiatorName=iqn.1993-08.org.debian:01:");
                assert_eq!(own.unwrap().trim_end().len(), 12, "{name}");
                assert!(!name.contains("abcdef"), "{name}");
            }
            Identity::Nvme => assert_eq!(image.text(path).trim_end().len(), 36),
            _ => assert!(!image.path(path).exists(), "{path}"),
        }
        assert!(notices[0].contains(part.name()), "{notices:?}");
    }
    assert!(!image.path("/var/lib/cloud/instance").is_symlink());
    let after = image.everything();
    before.retain(|path, _| {
        let gone = [
            "cloud/instance",
            "random-seed",
            "credential",
            "dhclient",
            "secret_key",
        ];
        let changed = [
            "persistent-net",
            "system.devices",
            "initiatorname",
            "hostid",
            "yum/uuid",
        ];
        let path = path.to_string_lossy();
        !gone.iter().chain(&changed).any(|part| path.contains(part))
    });
    for (path, about) in before {
        assert_eq!(after.get(&path), Some(&about), "{}", path.display());
    }
}

#[test]
fn each_part_can_be_kept() {
    for (kept, path) in TRACES {
        let image = used();
        image.run(run, &keeping(kept.name())).0.unwrap();
        assert_eq!(image.text(path), content(kept));
        let others = TRACES.iter().filter(|(part, _)| *part != kept);
        for (part, path) in others {
            let is_old =
                std::fs::read_to_string(image.path(path)).is_ok_and(|text| text == content(*part));
            assert!(!is_old, "{path}");
        }
    }
}

#[test]
fn an_image_without_traces_is_left_as_it_is() {
    let image = Image::debian();
    image
        .file("/etc/udev/rules.d/70-persistent-net.rules", "# none\n\n")
        .link("/etc/udev/rules.d/70-persistent-cd.rules", "/dev/null");
    let before = image.everything();
    let (done, notices) = image.run(run, &nothing());
    assert!(matches!(done.unwrap(), Done::Skipped(_)));
    assert_eq!(image.everything(), before);
    assert!(notices.is_empty(), "{notices:?}");
}

#[test]
fn what_cannot_be_made_anew_stays_and_is_told() {
    let image = Image::debian();
    image
        .file("/etc/krb5.keytab", "key")
        .file("/etc/dropbear/dropbear_rsa_host_key", "key")
        .file("/var/lib/systemd/credential.secret", "key")
        .file("/etc/credstore.encrypted/password", "x");
    let (_, warnings) = image.run(run, &nothing());
    assert!(warnings[0].contains("/etc/krb5.keytab"), "{warnings:?}");
    assert!(
        warnings[0].contains("/etc/dropbear/dropbear_rsa_host_key"),
        "{warnings:?}"
    );
    assert!(image.path("/var/lib/systemd/credential.secret").exists());
    assert_eq!(image.text("/etc/krb5.keytab"), "key");
}

#[test]
fn links_lead_nowhere_and_traps_do_not_hold_it_up() {
    let image = Image::debian();
    image
        .link("/var/lib/systemd/random-seed", "/etc/shadow")
        .link("/var/lib/urandom", &image.outside(""))
        .link("/var/lib/dhcp", "../../../../../outside")
        .fifo("/var/lib/NetworkManager/secret_key")
        .directory("/var/lib/yum/uuid/deep");
    assert_eq!(image.run(run, &nothing()).0.unwrap(), Done::Yes);
    assert!(image.text("/etc/shadow").contains("root"));
    assert!(!image.path("/var/lib/systemd/random-seed").is_symlink());
    assert!(!image.path("/var/lib/NetworkManager/secret_key").exists());
    assert!(!image.path("/var/lib/yum/uuid").exists());
}

#[test]
fn two_machines_share_no_name_of_storage() {
    let names = |seed: u8| {
        let image = used();
        image.file("/etc/nvme/hostnqn", "nqn.2014-08.org.nvmexpress:uuid:1\n");
        image.confined(|root| names::renew(&root, &[], &[[seed; 16], [seed + 10; 16]]).unwrap());
        [
            "/etc/iscsi/initiatorname.iscsi",
            "/etc/nvme/hostid",
            "/etc/nvme/hostnqn",
        ]
        .map(|path| image.text(path))
    };
    let (one, other) = (names(1), names(2));
    for (one, other) in one.iter().zip(&other) {
        assert_ne!(one, other);
    }
    assert!(one[2].ends_with(&one[1]), "{one:?}");
}
