//! interfaces(5) of ifupdown, and of busybox.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{Ipv4, Ipv6, Nic, netmask};

use super::facts::{Facts, Gateway, Resolver, gateway4, gateway6, routes};
use super::lines::{Lines, words};
use super::names;
use super::plan::Plan;

/// The file.
pub const FILE: &str = "/etc/network/interfaces";

/// More files, which [`FILE`] names where they are.
pub const DIRECTORY: &str = "/etc/network/interfaces.d";

/// Keeps the kernel from making IPv6 addresses of its own.
const NO_ROUTERS: &str = "pre-up [ ! -e /proc/sys/net/ipv6/conf/$IFACE/accept_ra ] || \
                          echo 0 > /proc/sys/net/ipv6/conf/$IFACE/accept_ra";

/// Has the kernel make IPv6 addresses of its own, where no method does.
const LISTENS: [&str; 3] = [
    "pre-up echo 1 > /proc/sys/net/ipv6/conf/$IFACE/accept_ra",
    "pre-up echo 1 > /proc/sys/net/ipv6/conf/$IFACE/autoconf",
    "up ip link set dev $IFACE up",
];

/// What busybox has no words for, among what these interfaces need.
#[must_use]
pub fn inexpressible(nics: &[Nic], facts: &Facts) -> Option<&'static str> {
    let by_dhcp = |nic: &Nic| matches!(nic.ipv6, Ipv6::SlaacDhcp | Ipv6::Dhcp);
    (facts.is_busybox && nics.iter().any(by_dhcp)).then_some("DHCPv6")
}

/// The file, and the rule that gives the interfaces the names that stand in it.
#[must_use]
pub fn render(nics: &[Nic], facts: &Facts) -> Plan {
    let mut plan = names::rules(nics, facts);
    let mut lines = Lines::marked();
    if facts.has_udev {
        lines.add(format!(
            "# The names of the interfaces come from {}.",
            names::RULES
        ));
    }
    // busybox takes `*` for the name of a file, and ends there.
    if facts.has_interfaces_d && !facts.is_busybox {
        lines.add(format!("source {DIRECTORY}/*"));
    }
    lines.add("\nauto lo\niface lo inet loopback");
    for (number, nic) in nics.iter().enumerate() {
        one(&mut lines, nic, &names::name(number, facts), facts);
    }
    plan.file(FILE, lines.into_text());
    plan
}

fn one(lines: &mut Lines, nic: &Nic, name: &str, facts: &Facts) {
    lines.add(format!("\nauto {name}"));
    if facts.has_udev && !facts.is_busybox {
        // Its driver may be loaded after `ifup -a` has run; busybox does not know the word.
        lines.add(format!("allow-hotplug {name}"));
    }
    let mut options = link_options(nic);
    options.extend(dns_options(nic, facts));
    // What belongs to the link stands in the first stanza of the interface.
    let mut first = || std::mem::take(&mut options);
    match nic.ipv4 {
        Ipv4::None if nic.ipv6 == Ipv6::None => {
            stanza(lines, name, "inet manual", first());
            stanza_line(lines, "up ip link set dev $IFACE up");
        }
        Ipv4::None => {}
        Ipv4::Dhcp => {
            stanza(lines, name, "inet dhcp", first());
            ipv4_routes(lines, nic);
        }
        Ipv4::Static {
            address, prefix, ..
        } => {
            stanza(lines, name, "inet static", Vec::new());
            stanza_line(lines, &format!("address {address}"));
            stanza_line(lines, &format!("netmask {}", netmask(prefix)));
            if let Some(gateway) = gateway4(nic) {
                gateway_lines(lines, "ip", gateway, 32);
            }
            for option in first() {
                stanza_line(lines, &option);
            }
            ipv4_routes(lines, nic);
        }
    }
    ipv6(lines, nic, name, first(), facts);
}

fn ipv6(lines: &mut Lines, nic: &Nic, name: &str, options: Vec<String>, facts: &Facts) {
    match nic.ipv6 {
        Ipv6::None => return,
        Ipv6::Slaac if facts.is_busybox => {
            // It has no method `auto`, and with one that it does not know it configures nothing.
            stanza(lines, name, "inet6 manual", options);
            for line in LISTENS {
                stanza_line(lines, line);
            }
        }
        Ipv6::Slaac | Ipv6::SlaacDhcp => {
            stanza(lines, name, "inet6 auto", options);
            stanza_line(lines, "privext 0");
            if nic.ipv6 == Ipv6::SlaacDhcp {
                stanza_line(lines, "dhcp 1");
            }
        }
        Ipv6::Dhcp => {
            stanza(lines, name, "inet6 dhcp", options);
            // The routers of the network say what the default route is, and DHCPv6 does not.
            stanza_line(lines, "accept_ra 1");
        }
        Ipv6::Static {
            address, prefix, ..
        } => {
            stanza(lines, name, "inet6 static", options);
            stanza_line(lines, &format!("address {address}"));
            stanza_line(lines, &format!("netmask {prefix}"));
            stanza_line(lines, "autoconf 0");
            stanza_line(lines, "accept_ra 0");
            if let Some(gateway) = gateway6(nic) {
                gateway_lines(lines, "ip -6", gateway, 128);
            }
        }
    }
    // Without an address there is no network yet that the router could be in.
    let on_link = match nic.ipv6 {
        Ipv6::Static { .. } => "",
        _ => " onlink",
    };
    for route in routes(nic, false) {
        let (to, via) = (route.to, route.via);
        stanza_line(
            lines,
            &format!("up ip -6 route replace {to} via {via} dev $IFACE{on_link}"),
        );
    }
}

fn stanza(lines: &mut Lines, name: &str, kind: &str, options: Vec<String>) {
    lines.add(format!("iface {name} {kind}"));
    for option in options {
        stanza_line(lines, &option);
    }
}

fn stanza_line(lines: &mut Lines, line: &str) {
    lines.add(format!("\t{line}"));
}

/// The option `mtu` is not for every method of every release.
fn link_options(nic: &Nic) -> Vec<String> {
    let mtu = nic
        .mtu
        .map(|mtu| format!("pre-up ip link set dev $IFACE mtu {mtu}"));
    let quiet = (nic.ipv6 == Ipv6::None).then(|| NO_ROUTERS.to_owned());
    mtu.into_iter().chain(quiet).collect()
}

/// Options for resolvconf(8), and for the hook of systemd-resolved, which reads the same.
fn dns_options(nic: &Nic, facts: &Facts) -> Vec<String> {
    let mut options = Vec::new();
    if facts.resolver == Resolver::Resolvconf {
        if !nic.dns_servers.is_empty() {
            options.push(format!("dns-nameservers {}", words(&nic.dns_servers)));
        }
        let domains: Vec<_> = nic
            .dns_search
            .iter()
            .map(|domain| domain.as_str())
            .collect();
        if !domains.is_empty() {
            options.push(format!("dns-search {}", words(&domains)));
        }
    }
    options
}

fn gateway_lines(lines: &mut Lines, ip: &str, gateway: Gateway<impl std::fmt::Display>, whole: u8) {
    let address = &gateway.address;
    if gateway.is_outside {
        let route = format!("up {ip} route replace {address}/{whole} dev $IFACE");
        stanza_line(lines, &route);
        let default = format!("up {ip} route replace default via {address} dev $IFACE");
        stanza_line(lines, &default);
    } else {
        stanza_line(lines, &format!("gateway {address}"));
    }
}

fn ipv4_routes(lines: &mut Lines, nic: &Nic) {
    for route in routes(nic, true) {
        let (to, via) = (route.to, route.via);
        stanza_line(
            lines,
            &format!("up ip route replace {to} via {via} dev $IFACE"),
        );
    }
}

/// Whether the image has an interface of its own here: one that is not `lo`.
#[must_use]
pub fn configures(content: &[u8]) -> bool {
    String::from_utf8_lossy(content).lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("iface") && words.next().is_some_and(|name| name != "lo")
    })
}

#[cfg(test)]
mod tests;
