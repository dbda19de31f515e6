//! The files of Red Hat's initscripts, which NetworkManager reads too up to Red Hat 9.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{Ipv4, Ipv6, Nic, netmask};

use super::facts::{Facts, address6, gateway4, gateway6, routes};
use super::lines::Lines;
use super::names;
use super::plan::Plan;

/// Where the files lie.
pub const DIRECTORY: &str = "/etc/sysconfig/network-scripts";

/// What holds for all interfaces.
pub const NETWORK: &str = "/etc/sysconfig/network";

/// Keys of [`NETWORK`] that would say something else than the interfaces do.
const STALE_KEYS: [&str; 4] = ["GATEWAY", "GATEWAYDEV", "IPV6_DEFAULTGW", "IPV6_DEFAULTDEV"];

/// Keys of it that are written anew.
const OWN_KEYS: [&str; 2] = ["NETWORKING", "NETWORKING_IPV6"];

/// A file an interface, with its routes beside it, the rule that names the interfaces, and the
/// common file with its other lines kept.
#[must_use]
pub fn render(nics: &[Nic], network: &[u8], facts: &Facts) -> Plan {
    let mut plan = names::rules(nics, facts);
    plan.file(NETWORK, common(nics, network));
    for (number, nic) in nics.iter().enumerate() {
        let name = names::name(number, facts);
        plan.file(format!("{DIRECTORY}/ifcfg-{name}"), one(nic, &name));
        let routes4 = route_file(nic);
        if !routes4.is_empty() {
            plan.file(format!("{DIRECTORY}/route-{name}"), marked(&routes4));
        }
        let mut routes6 = String::new();
        if let Some(gateway) = gateway6(nic).filter(|gateway| gateway.is_outside) {
            routes6 += &format!("{}/128 dev {name}\n", gateway.address);
        }
        for route in routes(nic, false) {
            routes6 += &format!("{} via {} dev {name}\n", route.to, route.via);
        }
        if !routes6.is_empty() {
            plan.file(format!("{DIRECTORY}/route6-{name}"), marked(&routes6));
        }
    }
    plan
}

fn marked(text: &str) -> String {
    format!("{}{text}", Lines::marked().into_text())
}

fn common(nics: &[Nic], old: &[u8]) -> String {
    let mut lines = Lines::default();
    for line in String::from_utf8_lossy(old).lines() {
        let key = line.split('=').next().unwrap_or_default().trim();
        if STALE_KEYS.contains(&key) {
            lines.add(format!("# of the image: {line}"));
        } else if !OWN_KEYS.contains(&key) {
            lines.add(line);
        }
    }
    lines.add("NETWORKING=yes");
    if nics.iter().any(|nic| nic.ipv6 != Ipv6::None) {
        lines.add("NETWORKING_IPV6=yes");
    }
    lines.into_text()
}

fn one(nic: &Nic, name: &str) -> String {
    let mut lines = Lines::marked();
    lines.add(format!("DEVICE={name}"));
    lines.add("TYPE=Ethernet");
    lines.add(format!("HWADDR={}", nic.mac.to_string().to_uppercase()));
    lines.add("ONBOOT=yes");
    lines.add("NM_CONTROLLED=yes");
    match nic.ipv4 {
        Ipv4::None => lines.add("BOOTPROTO=none"),
        Ipv4::Dhcp => lines.add("BOOTPROTO=dhcp"),
        Ipv4::Static {
            address, prefix, ..
        } => {
            lines.add("BOOTPROTO=none");
            lines.add(format!("IPADDR={address}"));
            // Releases before 6 know no PREFIX.
            lines.add(format!("NETMASK={}", netmask(prefix)));
            let gateway = gateway4(nic);
            lines.set("GATEWAY", gateway.map(|gateway| gateway.address));
            let is_default = if gateway.is_some() { "yes" } else { "no" };
            lines.add(format!("DEFROUTE={is_default}"));
        }
    }
    ipv6(&mut lines, nic, name);
    lines.set("MTU", nic.mtu);
    for (number, server) in nic.dns_servers.iter().enumerate() {
        lines.add(format!("DNS{}={server}", number.saturating_add(1)));
    }
    if !nic.dns_search.is_empty() {
        let domains: Vec<_> = nic
            .dns_search
            .iter()
            .map(|domain| domain.as_str())
            .collect();
        lines.add(format!("DOMAIN=\"{}\"", domains.join(" ")));
    }
    lines.into_text()
}

fn ipv6(lines: &mut Lines, nic: &Nic, name: &str) {
    let words: &[&str] = match nic.ipv6 {
        Ipv6::None => &["IPV6INIT=no"],
        Ipv6::Slaac => &["IPV6INIT=yes", "IPV6_AUTOCONF=yes"],
        Ipv6::SlaacDhcp => &[
            "IPV6INIT=yes",
            "IPV6_AUTOCONF=yes",
            "DHCPV6C=yes",
            "DHCPV6C_OPTIONS=-S",
        ],
        Ipv6::Dhcp => &["IPV6INIT=yes", "DHCPV6C=yes"],
        Ipv6::Static { .. } => &["IPV6INIT=yes", "IPV6_AUTOCONF=no"],
    };
    for word in words {
        lines.add(word);
    }
    lines.set("IPV6ADDR", address6(nic));
    // A link-local gateway means nothing without its device.
    let gateway = gateway6(nic).map(|gateway| format!("{}%{name}", gateway.address));
    lines.set("IPV6_DEFAULTGW", gateway);
    if matches!(nic.ipv6, Ipv6::Slaac | Ipv6::SlaacDhcp) {
        lines.add("IPV6_ADDR_GEN_MODE=eui64");
        lines.add("IPV6_PRIVACY=no");
    }
}

/// Numbered variables: the form that names no device. One without a router is on the link.
fn route_file(nic: &Nic) -> String {
    let mut all = Vec::new();
    // The scripts take GATEWAY only within the network of the address.
    if let Some(gateway) = gateway4(nic).filter(|gateway| gateway.is_outside) {
        all.push((gateway.address.to_string(), netmask(32), None));
        let via = Some(gateway.address.to_string());
        all.push(("0.0.0.0".into(), netmask(0), via));
    }
    for route in routes(nic, true) {
        let mask = netmask(route.to.prefix());
        all.push((
            route.to.address().to_string(),
            mask,
            Some(route.via.to_string()),
        ));
    }
    let mut lines = Lines::default();
    for (number, (address, mask, via)) in all.into_iter().enumerate() {
        lines.add(format!("ADDRESS{number}={address}"));
        lines.add(format!("NETMASK{number}={mask}"));
        lines.set(&format!("GATEWAY{number}"), via);
    }
    lines.into_text()
}

#[cfg(test)]
mod tests;
