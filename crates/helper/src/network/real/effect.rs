//! An interface has its addresses and routes once the real programs have read the files.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Nic;

use super::super::testing::{FACTS, full, on_link};
use super::super::{ifupdown, keyfile, netctl, networkd};
use super::{Files, Tree};

/// The interface, and the other end of its cable.
const CABLE: &str = "ip link add nic0 address 52:54:00:12:34:56 type veth peer name other
ip link set other up
";

const LOOK: &str = "
echo looking
ip -o addr show dev nic0 scope global
ip route
ip -6 route
ip -o link show nic0
";

/// Runs a script on [`full`] and [`on_link`] and looks at the interface after it.
fn configured(tree: &Tree, files: impl Fn(&[Nic]) -> Files, script: &str) {
    let both: [(Vec<Nic>, &[&str]); 2] = [
        (
            full(),
            &[
                "inet 192.0.2.5/24 ",
                "inet6 2001:db8::5/64 ",
                "default via 192.0.2.1 dev nic0",
                "default via 2001:db8::1 dev nic0",
                "10.0.0.0/8 via 192.0.2.9 dev nic0",
                "2001:db8:1::/48 via 2001:db8::9 dev nic0",
                "mtu 1400 ",
            ],
        ),
        (
            on_link(),
            &[
                "inet 192.0.2.5/32 ",
                "inet6 2001:db8::5/128 ",
                "default via 198.51.100.1 dev nic0",
                "default via 2001:db8:ffff::1 dev nic0",
            ],
        ),
    ];
    for (nics, expected) in both {
        let said = tree.run(&files(&nics), &format!("{CABLE}{script}{LOOK}"));
        let (_, seen) = said.split_once("looking\n").unwrap();
        for words in expected {
            assert!(seen.contains(words), "no {words:?} after\n{said}");
        }
    }
}

#[test]
fn ifupdown_gives_the_addresses_and_routes() {
    let Some(tree) = Tree::find() else { return };
    let files = |nics: &[Nic]| Files::of("", &ifupdown::render(nics, &FACTS));
    configured(&tree, files, "ifup -a");
}

#[test]
fn systemd_networkd_gives_the_addresses_and_routes() {
    let Some(tree) = Tree::find() else { return };
    let files = |nics: &[Nic]| Files::of("", &networkd::render(nics));
    let script = "
        mkdir -p /run/systemd/netif/links /run/systemd/netif/leases
        chown -R systemd-network:systemd-network /run/systemd/netif
        /lib/systemd/systemd-networkd &
        /lib/systemd/systemd-networkd-wait-online --interface=nic0 --timeout=60";
    configured(&tree, files, script);
}

#[test]
fn network_manager_gives_the_addresses_and_routes() {
    let Some(tree) = Tree::find() else { return };
    let files = |nics: &[Nic]| {
        let files = Files::of("", &keyfile::render(nics));
        // Else it configures the other end of the cable too.
        let own = "[main]\nno-auto-default=*\n";
        files.write("/etc/NetworkManager/conf.d/test.conf", own, 0o644);
        files
    };
    let script = "
        mkdir -p /run/dbus /run/NetworkManager
        dbus-daemon --system --fork
        NetworkManager --no-daemon --log-level=WARN &
        nm-online --wait-for-startup --quiet --timeout=60";
    configured(&tree, files, script);
}

#[test]
fn netctl_gives_the_addresses_and_routes() {
    let Some(tree) = Tree::find() else { return };
    let files = |nics: &[Nic]| Files::of("", &netctl::render(nics, &FACTS));
    configured(&tree, files, "/usr/lib/netctl/network start nic0");
}
