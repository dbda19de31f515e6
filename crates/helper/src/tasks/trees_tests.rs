//! What all tasks change in trees of many systems: a snapshot of every file.
//!
//! The trees are made from the layouts that the systems document: release files, and those by
//! which each keeps its name, network and identity. No file in them is a program that could run.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use snf_image_protocol::{HostKey, Hostname, Parameters, Secret};

use crate::guest::testing::{Image, all, nothing, samples};
use crate::network::testing::{dhcp, full};

/// What stands in the place of every program: the header of one for another architecture (arm64).
const FOREIGN: &str = "\u{7f}ELF\u{2}\u{1}\u{1}\0\0\0\0\0\0\0\0\0\u{2}\0\u{b7}\0";

/// `PATH=CONTENT`, `PATH` for a program, `DIRECTORY/`, `LINK->TARGET`.
type Tree = &'static [&'static str];

const COMMON: Tree = &[
    "/etc/passwd=root:x:0:0:root:/root:/bin/sh\nsshd:x:74:74::/run/sshd:/bin/false\n",
    "/etc/group=root:x:0:\n",
    "/etc/shadow=root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n",
    "/etc/hosts=127.0.0.1\tlocalhost\n::1\tlocalhost\n",
    "/etc/ssh/sshd_config=UsePAM yes\n",
    "/etc/ssh/ssh_host_ed25519_key=old\n",
    "/etc/ssh/ssh_host_ed25519_key.pub=old\n",
    "/usr/sbin/sshd",
    "/root/",
];

const SYSTEMD: Tree = &[
    "/usr/lib/systemd/systemd",
    "/usr/lib/udev/rules.d/",
    "/etc/machine-id=0123456789abcdef0123456789abcdef\n",
    "/var/lib/systemd/random-seed=old\n",
];

const DEBIAN_8: Tree = &[
    "/etc/debian_version=8.11\n",
    "/etc/os-release=ID=debian\nVERSION_ID=\"8\"\n",
    "/etc/hostname=jessie\n",
    "/etc/hosts=127.0.0.1\tlocalhost\n127.0.1.1\tjessie\n::1\tlocalhost jessie\n",
    "/sbin/ifup",
    "/etc/network/interfaces=auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n",
    "/var/lib/dbus/machine-id=0123456789abcdef0123456789abcdef\n",
    "/var/lib/dhcp/dhclient.eth0.leases=lease\n",
    "/var/lib/urandom/random-seed=old\n",
    "/etc/udev/rules.d/70-persistent-net.rules=SUBSYSTEM==\"net\", NAME=\"eth0\"\n",
];

const DEBIAN_12: Tree = &[
    "/etc/debian_version=12.12\n",
    "/etc/os-release=ID=debian\nVERSION_ID=\"12\"\n",
    "/etc/hostname=localhost\n",
    "/usr/sbin/netplan",
    "/lib/systemd/systemd-networkd",
    "/etc/netplan/50-cloud-init.yaml=network:\n  version: 2\n",
    "/etc/cloud/cloud.cfg.d/00.cfg=x: y\n",
    "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service=\n",
    "/var/lib/dbus/machine-id->/etc/machine-id",
    "/var/lib/cloud/instances/i-0/sem/x=\n",
    "/var/lib/cloud/instance->/var/lib/cloud/instances/i-0",
];

const DEBIAN_13: Tree = &[
    "/etc/debian_version=13.1\n",
    "/etc/os-release=ID=debian\nVERSION_ID=\"13\"\n",
    "/etc/hostname=trixie\n",
    "/usr/sbin/ifup",
    "/etc/network/interfaces=source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n",
    "/etc/network/interfaces.d/",
    "/etc/systemd/system/multi-user.target.wants/networking.service=\n",
    "/var/lib/dhcpcd/duid=00:01\n",
];

const UBUNTU: Tree = &[
    "/etc/debian_version=trixie/sid\n",
    "/etc/os-release=ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\n",
    "/etc/hostname=ubuntu\n",
    "/usr/sbin/netplan",
    "/usr/lib/systemd/systemd-networkd",
    "/etc/netplan/00-installer-config.yaml=network:\n  version: 2\n",
    "/etc/resolv.conf->../run/systemd/resolve/stub-resolv.conf",
    "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service=\n",
];

const RED_HAT_6: Tree = &[
    "/etc/redhat-release=CentOS release 6.10 (Final)\n",
    "/etc/sysconfig/network=NETWORKING=yes\nHOSTNAME=localhost.localdomain\n",
    "/etc/sysconfig/network-scripts/ifup-eth",
    "/etc/sysconfig/network-scripts/ifcfg-eth0=DEVICE=eth0\nHWADDR=00:11:22:33:44:55\nONBOOT=yes\n",
    "/etc/udev/rules.d/70-persistent-net.rules=SUBSYSTEM==\"net\", NAME=\"eth0\"\n",
    "/lib/udev/rules.d/",
    "/var/lib/dhclient/dhclient-eth0.leases=lease\n",
    "/var/lib/random-seed=old\n",
    "/var/lib/yum/uuid=old\n",
];

const RED_HAT_7: Tree = &[
    "/etc/redhat-release=CentOS Linux release 7.9.2009 (Core)\n",
    "/etc/os-release=ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\n",
    "/etc/hostname=localhost.localdomain\n",
    "/etc/sysconfig/network=# Created by anaconda\n",
    "/etc/sysconfig/network-scripts/ifup-eth",
    "/etc/sysconfig/network-scripts/ifcfg-eth0=BOOTPROTO=dhcp\nDEVICE=eth0\nONBOOT=yes\n",
    "/usr/sbin/NetworkManager",
    "/etc/systemd/system/multi-user.target.wants/NetworkManager.service=\n",
    "/var/lib/NetworkManager/secret_key=old\n",
];

const RED_HAT_9: Tree = &[
    "/etc/redhat-release=Rocky Linux release 9.5 (Blue Onyx)\n",
    "/etc/os-release=ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.5\"\n",
    "/etc/hostname=localhost.localdomain\n",
    "/usr/sbin/NetworkManager",
    "/etc/NetworkManager/system-connections/",
    "/etc/systemd/system/multi-user.target.wants/NetworkManager.service=\n",
    "/etc/lvm/devices/system.devices=IDTYPE=sys_wwid\n",
    "/etc/selinux/config=SELINUX=enforcing\nSELINUXTYPE=targeted\n",
    "/etc/selinux/targeted/contexts/files/file_contexts=/.* system_u:object_r:default_t:s0\n",
    "/var/lib/NetworkManager/secret_key=old\n",
];

const FEDORA: Tree = &[
    "/etc/redhat-release=Fedora release 42 (Adams)\n",
    "/usr/lib/os-release=ID=fedora\nVERSION_ID=42\n",
    "/etc/os-release->../usr/lib/os-release",
    "/usr/sbin/NetworkManager",
    "/etc/NetworkManager/system-connections/",
    "/etc/systemd/system/multi-user.target.wants/NetworkManager.service=\n",
    // Its policy is not there: the machine has to label its files.
    "/etc/selinux/config=SELINUX=enforcing\nSELINUXTYPE=targeted\n",
    "/etc/iscsi/initiatorname.iscsi=InitiatorName=iqn.1994-05.com.redhat:abc\n",
];

const SLES_12: Tree = &[
    "/etc/SuSE-release=SUSE Linux Enterprise Server 12 (x86_64)\n",
    "/etc/os-release=ID=\"sles\"\nVERSION_ID=\"12.5\"\n",
    "/etc/hostname=linux\n",
    "/etc/HOSTNAME->hostname",
    "/etc/sysconfig/network/config=NETCONFIG_DNS_STATIC_SERVERS=\"\"\nNETCONFIG_DNS_STATIC_SEARCHLIST=\"\"\n",
    "/etc/sysconfig/network/ifcfg-eth0=BOOTPROTO='dhcp'\nSTARTMODE='auto'\n",
    "/usr/sbin/wicked",
    "/var/lib/wicked/duid.xml=old\n",
    "/var/lib/misc/random-seed=old\n",
];

const OPENSUSE: Tree = &[
    "/usr/lib/os-release=ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\nVERSION_ID=\"16.0\"\n",
    "/etc/os-release->../usr/lib/os-release",
    "/etc/hostname=localhost\n",
    "/usr/sbin/NetworkManager",
    "/etc/NetworkManager/system-connections/",
    "/etc/systemd/system/multi-user.target.wants/NetworkManager.service=\n",
];

const ARCH: Tree = &[
    "/etc/arch-release=",
    "/usr/lib/os-release=ID=arch\n",
    "/etc/os-release->../usr/lib/os-release",
    "/etc/hostname=archlinux\n",
    "/usr/lib/systemd/systemd-networkd",
    "/etc/systemd/network/80-dhcp.network=[Match]\nName=en*\n[Network]\nDHCP=yes\n",
    "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service=\n",
    "/etc/resolv.conf->../run/systemd/resolve/stub-resolv.conf",
];

const GENTOO: Tree = &[
    "/etc/gentoo-release=Gentoo Base System release 2.17\n",
    "/etc/os-release=ID=gentoo\n",
    "/etc/conf.d/hostname=# Set to the hostname of this machine\nhostname=\"localhost\"\n",
    "/etc/conf.d/net=config_eth0=\"dhcp\"\n",
    "/etc/init.d/net.lo",
    "/etc/runlevels/default/",
    "/sbin/openrc",
    "/lib/udev/rules.d/",
    "/var/lib/misc/random-seed=old\n",
    "/etc/machine-id=0123456789abcdef0123456789abcdef\n",
];

const ALPINE: Tree = &[
    "/etc/alpine-release=3.20.3\n",
    "/etc/os-release=ID=alpine\nVERSION_ID=3.20.3\n",
    "/etc/hostname=localhost\n",
    "/etc/network/interfaces=auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n",
    "/sbin/ifup",
    "/sbin/openrc",
    "/etc/runlevels/boot/networking=\n",
    "/var/lib/seedrng/seed.credit=old\n",
];

const SLACKWARE: Tree = &[
    "/etc/slackware-version=Slackware 15.0\n",
    "/etc/os-release=ID=slackware\nVERSION_ID=15.0\n",
    "/etc/HOSTNAME=darkstar.example.net\n",
    "/etc/rc.d/rc.inet1.conf=USE_DHCP[0]=\"yes\"\n",
    "/lib/udev/rules.d/",
    "/etc/random-seed=old\n",
];

const FLATCAR: Tree = &[
    "/usr/lib/os-release=ID=flatcar\nID_LIKE=coreos\nVERSION_ID=4081.2.0\n",
    "/etc/os-release->../usr/lib/os-release",
    "/usr/lib/systemd/systemd-networkd",
    "/usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service=\n",
];

const UNKNOWN: Tree = &[
    "/etc/os-release=ID=neon\nID_LIKE=\"ubuntu debian\"\n",
    "/etc/hostname=neon\n",
    "/usr/sbin/NetworkManager",
    "/etc/NetworkManager/system-connections/",
    "/etc/systemd/system/multi-user.target.wants/NetworkManager.service=\n",
];

fn grow(trees: &[Tree]) -> Image {
    let image = Image::empty();
    for entry in trees.iter().copied().flatten() {
        if let Some((link, target)) = entry.split_once("->") {
            image
                .directory(link.rsplit_once('/').unwrap().0)
                .link(link, target);
        } else if let Some((path, content)) = entry.split_once('=') {
            image.file(path, content);
        } else if entry.ends_with('/') {
            image.directory(entry);
        } else {
            image.file(entry, FOREIGN);
        }
    }
    image
}

fn parameters(has_all: bool) -> Parameters {
    Parameters {
        hostname: Some(Hostname::new("vm.example.org").unwrap()),
        password: Some(Secret::new("hunter2".to_owned())),
        host_keys: vec![HostKey {
            algorithm: "ed25519".into(),
            private: Secret::new("new private".to_owned()),
            public: "new public".into(),
        }],
        nics: if has_all { full() } else { dhcp() },
        ..nothing()
    }
}

/// Puts a real tree into an image; what leads out of it or is no file is left out.
fn copy(from: &Path, image: &Image, path: &str) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{path}/{}", entry.file_name().to_str().unwrap());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), image.directory(&path), &path);
        } else if kind.is_file() {
            image.file(&path, fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn real_trees_become_machines_of_their_own_and_stay_so() {
    let Some(samples) = samples("etc/rootfs-skeleton") else {
        return;
    };
    let parameters = Parameters {
        nics: Vec::new(),
        ..parameters(false)
    };
    for tree in fs::read_dir(samples).unwrap() {
        let image = Image::empty();
        copy(&tree.unwrap().path(), &image, "");
        let changes = changed(&image, &parameters);
        for path in ["/etc/hostname", "/etc/hosts", "/etc/shadow"] {
            assert!(changes.contains(&format!("~ {path}\n")), "{changes}");
        }
        assert_eq!(image.text("/etc/hostname"), "vm.example.org\n");
    }
}

type Files = BTreeMap<PathBuf, (u32, u32, u32, Vec<u8>)>;

/// What is new, gone or another, with the lines of it that are. Of secrets only that they are.
fn difference(image: &Image, before: &Files, after: &Files) -> String {
    let top = image.path("/");
    let mut text = String::new();
    let paths: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for path in paths {
        let (old, new) = (before.get(path), after.get(path));
        if old == new || path.as_path() == top.as_path() {
            continue;
        }
        let shown = format!("/{}", path.strip_prefix(&top).unwrap().display());
        let mode = |about: Option<&(u32, u32, u32, Vec<u8>)>| about.map(|about| about.0 & 0o7777);
        match (mode(old), mode(new)) {
            (None, Some(mode)) => text.push_str(&format!("+ {shown} {mode:o}\n")),
            (Some(_), None) => text.push_str(&format!("- {shown}\n")),
            (Some(old), Some(new)) if old != new => {
                text.push_str(&format!("~ {shown} {old:o} {new:o}\n"));
            }
            _ => text.push_str(&format!("~ {shown}\n")),
        }
        let is_secret = ["shadow", "ssh_host", "machine-id", "initiator"];
        if is_secret.iter().any(|part| shown.contains(part)) {
            continue;
        }
        let content = |about: Option<&(u32, u32, u32, Vec<u8>)>| {
            let bytes = about.map(|about| about.3.clone()).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (old, new) = (content(old), content(new));
        for line in old
            .lines()
            .filter(|line| !new.lines().any(|other| other == *line))
        {
            text.push_str(&format!("    - {line}\n"));
        }
        for line in new
            .lines()
            .filter(|line| !old.lines().any(|other| other == *line))
        {
            text.push_str(&format!("    + {line}\n"));
        }
    }
    text
}

fn changes(trees: &[Tree], parameters: &Parameters) -> String {
    changed(&grow(trees), parameters)
}

fn changed(image: &Image, parameters: &Parameters) -> String {
    let before = image.everything();
    let (done, notices) = image.run(all, parameters);
    done.unwrap();
    let once = image.everything();
    let text = difference(image, &before, &once);
    // A second deployment that keeps the disk finds everything there.
    image.run(all, parameters).0.unwrap();
    let mut twice = image.everything();
    let mut once = once;
    for files in [&mut once, &mut twice] {
        // What is drawn anew each time.
        files.retain(|path, _| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            !["shadow", "machine-id", "initiatorname.iscsi"].contains(&&*name)
        });
    }
    assert_eq!(
        difference(image, &once, &twice),
        "",
        "a second deployment changes more"
    );
    let notices: String = notices
        .iter()
        .map(|notice| format!("! {notice}\n"))
        .collect();
    text + &notices
}

macro_rules! trees {
    ($($name:ident: $trees:expr, $all:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(stringify!($name), changes(&$trees, &parameters($all)));
        })*
    };
}

trees! {
    debian_8: [COMMON, SYSTEMD, DEBIAN_8], true;
    debian_12_cloud: [COMMON, SYSTEMD, DEBIAN_12], true;
    debian_13: [COMMON, SYSTEMD, DEBIAN_13], true;
    ubuntu_24_04: [COMMON, SYSTEMD, UBUNTU], true;
    red_hat_6: [COMMON, RED_HAT_6], true;
    red_hat_7: [COMMON, SYSTEMD, RED_HAT_7], true;
    red_hat_9: [COMMON, SYSTEMD, RED_HAT_9], true;
    fedora_42: [COMMON, SYSTEMD, FEDORA], true;
    sles_12: [COMMON, SYSTEMD, SLES_12], true;
    opensuse_leap_16: [COMMON, SYSTEMD, OPENSUSE], true;
    arch: [COMMON, SYSTEMD, ARCH], true;
    gentoo: [COMMON, GENTOO], true;
    alpine: [COMMON, ALPINE], true;
    slackware: [COMMON, SLACKWARE], false;
    flatcar_after_its_first_start: [COMMON, SYSTEMD, FLATCAR], true;
    unknown_but_like_debian: [COMMON, SYSTEMD, UNKNOWN], true;
}
