//! The files of wicked and of SUSE's older scripts: ifcfg(5), ifroute(5).
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{Ipv4, Ipv6, Nic};

use super::facts::{Facts, address4, address6, gateway4, gateway6};
use super::lines::{Lines, words};
use super::names;
use super::plan::Plan;

/// Where the files lie.
pub const DIRECTORY: &str = "/etc/sysconfig/network";

/// The settings of netconfig(8), which writes resolv.conf.
pub const CONFIG: &str = "/etc/sysconfig/network/config";

const SERVERS: &str = "NETCONFIG_DNS_STATIC_SERVERS";
const DOMAINS: &str = "NETCONFIG_DNS_STATIC_SEARCHLIST";

/// Files for each interface, the rule that names the interfaces, and the DNS servers put into the
/// settings of netconfig, whose other lines are kept.
#[must_use]
pub fn render(nics: &[Nic], config: &[u8], facts: &Facts) -> Plan {
    let mut plan = names::rules(nics, facts);
    for (number, nic) in nics.iter().enumerate() {
        let name = names::name(number, facts);
        plan.file(format!("{DIRECTORY}/ifcfg-{name}"), one(nic));
        let routes = routes(nic);
        if !routes.is_empty() {
            let text = Lines::marked().into_text() + &routes;
            plan.file(format!("{DIRECTORY}/ifroute-{name}"), text);
        }
        if matches!(nic.ipv6, Ipv6::None | Ipv6::Static { .. }) {
            let mut lines = Lines::marked();
            lines.add("net.ipv6.conf.$INTERFACE.accept_ra = 0");
            lines.add("net.ipv6.conf.$INTERFACE.autoconf = 0");
            plan.file(format!("{DIRECTORY}/ifsysctl-{name}"), lines.into_text());
        }
    }
    let asks = |nic: &Nic| !nic.dns_servers.is_empty() || !nic.dns_search.is_empty();
    if nics.iter().any(asks) {
        plan.file(CONFIG, with_servers(config, nics));
    }
    plan
}

fn one(nic: &Nic) -> String {
    let mut lines = Lines::marked();
    lines.add("STARTMODE='auto'");
    let asks_dhcp6 = matches!(nic.ipv6, Ipv6::SlaacDhcp | Ipv6::Dhcp);
    // `static` means no more than the addresses below. SLAAC is the kernel's, whatever stands here.
    let protocol = match (nic.ipv4 == Ipv4::Dhcp, asks_dhcp6) {
        (true, true) => "dhcp",
        (true, false) => "dhcp4",
        (false, true) => "dhcp6",
        (false, false) => "static",
    };
    lines.add(format!("BOOTPROTO='{protocol}'"));
    match nic.ipv6 {
        Ipv6::SlaacDhcp => lines.add("DHCLIENT6_MODE='info'"),
        Ipv6::Dhcp => lines.add("DHCLIENT6_MODE='managed'"),
        _ => {}
    }
    for (suffix, address) in [("", address4(nic)), ("_6", address6(nic))] {
        if let Some(address) = address {
            lines.add(format!("IPADDR{suffix}='{address}'"));
        }
    }
    if let Some(mtu) = nic.mtu {
        lines.add(format!("MTU='{mtu}'"));
    }
    lines.into_text()
}

fn routes(nic: &Nic) -> String {
    let mut lines = Lines::default();
    if let Some(gateway) = gateway4(nic) {
        if gateway.is_outside {
            lines.add(format!("{}/32 - -", gateway.address));
        }
        lines.add(format!("default {} -", gateway.address));
    }
    if let Some(gateway) = gateway6(nic) {
        if gateway.is_outside {
            lines.add(format!("{}/128 - -", gateway.address));
        }
        lines.add(format!("default {} -", gateway.address));
    }
    for route in &nic.routes {
        lines.add(format!("{} {} -", route.to, route.via));
    }
    lines.into_text()
}

fn with_servers(config: &[u8], nics: &[Nic]) -> String {
    let servers: Vec<_> = nics.iter().flat_map(|nic| &nic.dns_servers).collect();
    let domains: Vec<_> = nics
        .iter()
        .flat_map(|nic| &nic.dns_search)
        .map(|domain| domain.as_str())
        .collect();
    let mut lines = Lines::default();
    for line in String::from_utf8_lossy(config).lines() {
        let key = line.split('=').next().unwrap_or_default().trim();
        if key != SERVERS && key != DOMAINS {
            lines.add(line);
        }
    }
    lines.add(format!("{SERVERS}=\"{}\"", words(&servers)));
    lines.add(format!("{DOMAINS}=\"{}\"", words(&domains)));
    lines.into_text()
}

#[cfg(test)]
mod tests;
