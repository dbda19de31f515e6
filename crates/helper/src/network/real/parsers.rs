//! Whatever interfaces a host may send, the real programs accept what is written for them.
// SPDX-License-Identifier: BSD-2-Clause

use std::process::Command;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use snf_image_protocol::Nic;

use super::super::facts::Facts;
use super::super::plan::Plan;
use super::super::testing::{FACTS, any_nics, dhcp, full, on_link, several};
use super::super::{cloud_init, ifupdown, keyfile, netplan, networkd};
use super::{Files, Tree};

/// How many lists of interfaces each program is given, beside those of the other tests.
const CASES: usize = 24;

/// Lists of interfaces: the well-known ones, and others that are the same each time.
fn cases() -> Vec<Vec<Nic>> {
    let mut runner = TestRunner::deterministic();
    let mut cases = vec![dhcp(), full(), on_link(), several()];
    for _ in 0..CASES {
        cases.push(any_nics().new_tree(&mut runner).unwrap().current());
    }
    cases
}

/// A plan for each case, each in a directory of its own: `/case/0`, `/case/1` and so on.
fn files(render: impl Fn(&[Nic]) -> Plan) -> Files {
    let files = Files::new();
    for (number, nics) in cases().iter().enumerate() {
        files.add(&format!("/case/{number}"), &render(nics));
    }
    files
}

#[test]
fn ifupdown_understands_every_interface() {
    let Some(tree) = Tree::find() else { return };
    let files = files(|nics| ifupdown::render(nics, &FACTS));
    let said = tree.run(
        &files,
        "for case in /case/*; do
            ifquery --interfaces=$case/etc/network/interfaces --list
            ifup --no-act --all --interfaces=$case/etc/network/interfaces >/tmp/said 2>&1
            ! grep ^ifup: /tmp/said
        done",
    );
    assert!(said.matches("nic0").count() == cases().len(), "{said}");
    assert!(!said.contains(':'), "only names of interfaces: {said}");
}

#[test]
fn ifupdown_of_busybox_understands_every_interface_that_it_is_told_of() {
    let busybox = Facts {
        is_busybox: true,
        ..FACTS
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut understood = 0;
    for nics in cases() {
        if ifupdown::inexpressible(&nics, &busybox).is_some() {
            continue;
        }
        let plan = ifupdown::render(&nics, &busybox);
        let interfaces = plan.files.iter().find(|file| file.path == ifupdown::FILE);
        std::fs::write(file.path(), &interfaces.unwrap().content).unwrap();
        let output = Command::new("busybox")
            .args(["ifup", "-n", "-f", "-a", "-i"])
            .arg(file.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}");
        understood += 1;
    }
    assert!(understood > 2, "{understood}");
}

#[test]
fn netplan_understands_every_interface_for_either_renderer() {
    let Some(tree) = Tree::find() else { return };
    for is_manager in [false, true] {
        let files = files(|nics| netplan::render(nics, is_manager));
        let said = tree.run(
            &files,
            "for case in /case/*; do /usr/libexec/netplan/generate --root-dir $case; done",
        );
        // What it says of Open vSwitch and of systemd is of this system, not of the files.
        let told: Vec<_> = said
            .lines()
            .filter(|line| line.contains("/case/"))
            .collect();
        assert!(told.is_empty(), "{told:?}");
    }
}

#[test]
fn systemd_networkd_has_nothing_to_say_about_any_file() {
    let Some(tree) = Tree::find() else { return };
    let files = Files::new();
    for (number, nics) in cases().iter().enumerate() {
        for file in networkd::render(nics).files {
            let path = file.path.replace("nic", &format!("case{number}-nic"));
            files.write(&path, &file.content, 0o644);
        }
    }
    let said = tree.run(
        &files,
        "mkdir -p /run/systemd/netif/links /run/systemd/netif/leases
        chown -R systemd-network:systemd-network /run/systemd/netif
        ip link add last type veth peer name other
        ip link set other up
        printf '[Match]\\nName=last\\n[Network]\\nLinkLocalAddressing=no\\n' >/etc/systemd/network/00-last.network
        /lib/systemd/systemd-networkd &
        /lib/systemd/systemd-networkd-wait-online --interface=last:carrier --timeout=60",
    );
    assert!(said.contains("Enumeration completed"), "{said}");
    assert!(!said.contains("snf-image"), "{said}");
}

#[test]
fn network_manager_loads_every_connection() {
    let Some(tree) = Tree::find() else { return };
    let files = Files::new();
    let mut count = 0;
    for (number, nics) in cases().iter().enumerate() {
        for file in keyfile::render(nics).files {
            let name = format!("case{number}-nic");
            // Each list has the same MAC addresses, of which the UUIDs are made.
            let lines = file
                .content
                .lines()
                .filter(|line| !line.starts_with("uuid="));
            let content: String = lines.map(|line| format!("{line}\n")).collect();
            files.write(&file.path.replace("nic", &name), &content, 0o600);
            count += 1;
        }
    }
    let said = tree.run(
        &files,
        "mkdir -p /run/dbus /run/NetworkManager
        dbus-daemon --system --fork
        NetworkManager --no-daemon --log-level=WARN &
        nm-online --wait-for-startup --quiet --timeout=60
        nmcli --terse --fields FILENAME connection show",
    );
    let loaded = said
        .lines()
        .filter(|line| line.starts_with(keyfile::DIRECTORY))
        .count();
    assert_eq!(loaded, count, "{said}");
    assert!(
        !said.contains("<warn>  [") || !said.contains("keyfile"),
        "{said}"
    );
}

/// What `cloud-init devel net-convert` does, for all cases without starting it anew.
const CONVERT: &str = r#"
import sys
from cloudinit.cmd.devel import net_convert
for case in sys.argv[1:]:
    for kind in "eni", "networkd":
        arguments = ["--network-data", case, "--kind", "yaml", "--output-kind", kind]
        arguments += ["-D", "debian", "-d", case + "." + kind]
        net_convert.handle_args("net-convert", net_convert.get_parser().parse_args(arguments))
"#;

#[test]
fn cloud_init_turns_both_versions_into_files_of_each_system() {
    let Some(tree) = Tree::find() else { return };
    let files = Files::new();
    for (name, nics) in [("full", full()), ("several", several())] {
        files.write(
            &format!("/case/{name}1"),
            &cloud_init::version1(&nics),
            0o644,
        );
        files.write(
            &format!("/case/{name}2"),
            &cloud_init::version2(&nics),
            0o644,
        );
    }
    let said = tree.run(
        &files,
        &format!(
            "echo '{CONVERT}' | python3 - /case/* >/dev/null
            for case in /case/*.*; do
                echo; echo \"--- $case\"; cat $(find $case -type f | sort)
            done"
        ),
    );
    for (case, words) in [
        ("/case/full1.eni", "gateway 2001:db8::1"),
        ("/case/full1.networkd", "Gateway=2001:db8::1"),
        ("/case/full2.networkd", "Gateway=2001:db8::1"),
        ("/case/full2.networkd", "Address=2001:db8::5/64"),
        ("/case/several1.eni", "iface nic1 inet manual"),
        ("/case/several2.networkd", "DHCP=yes"),
    ] {
        let (_, after) = said.split_once(&format!("--- {case}\n")).unwrap();
        let text = after.split("--- /case/").next().unwrap();
        assert!(text.contains(words), "no {words:?} in {case}:\n{text}");
        assert!(!text.contains("::/64 "), "{text}");
    }
}
