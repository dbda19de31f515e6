//! Network configuration as cloud-init takes it, in its versions 1 and 2.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{Ipv4, Ipv6, Nic, netmask};

use super::facts::{address4, address6, gateway4, gateway6, routes, servers};
use super::lines::Lines;
use super::netplan;
use super::plan::Plan;

/// Where an image with cloud-init keeps its configuration.
pub const DIRECTORY: &str = "/etc/cloud/cloud.cfg.d";

/// Version 1, which every cloud-init understands. It names the interfaces `nic0`, `nic1` and so
/// on. It has no words for a gateway outside the network ([`needs_version2`]).
#[must_use]
pub fn version1(nics: &[Nic]) -> String {
    let mut lines = Lines::marked();
    lines.add("version: 1");
    if nics.is_empty() {
        lines.add("config: []");
        return lines.into_text();
    }
    lines.add("config:");
    for (number, nic) in nics.iter().enumerate() {
        lines.add("  - type: physical");
        lines.add(format!("    name: nic{number}"));
        lines.add(format!("    mac_address: \"{}\"", nic.mac));
        if let Some(mtu) = nic.mtu {
            lines.add(format!("    mtu: {mtu}"));
        }
        lines.add("    subnets:");
        if !nic.has_addresses() {
            lines.add("      - type: manual");
        }
        ipv4(&mut lines, nic);
        ipv6(&mut lines, nic);
    }
    lines.into_text()
}

/// The file of [`switched_off`].
pub const SWITCHED_OFF: &str = "/etc/cloud/cloud.cfg.d/zz-snf-image-network.cfg";

/// The file that keeps cloud-init from writing a network configuration of its own over what is
/// there. It sorts behind all that distributions and clouds bring.
#[must_use]
pub fn switched_off() -> Plan {
    let mut lines = Lines::marked();
    lines.add("network:\n  config: disabled");
    let mut plan = Plan::default();
    plan.file(SWITCHED_OFF, lines.into_text());
    plan
}

/// Whether the interfaces need what only version 2 can say: that a gateway is on the link.
#[must_use]
pub fn needs_version2(nics: &[Nic]) -> bool {
    nics.iter().any(|nic| {
        gateway4(nic).is_some_and(|gateway| gateway.is_outside)
            || gateway6(nic).is_some_and(|gateway| gateway.is_outside)
    })
}

/// Version 2, for cloud-init from 18 on.
#[must_use]
pub fn version2(nics: &[Nic]) -> String {
    let mut lines = Lines::marked();
    lines.add("version: 2");
    for line in netplan::ethernets(nics, true).into_text().lines() {
        lines.add(line);
    }
    lines.into_text()
}

fn ipv4(lines: &mut Lines, nic: &Nic) {
    match nic.ipv4 {
        Ipv4::None => {}
        Ipv4::Dhcp => subnet(lines, nic, "dhcp4", None, None, true),
        Ipv4::Static { .. } => {
            let gateway = gateway4(nic).map(|gateway| gateway.address.to_string());
            subnet(lines, nic, "static", address4(nic), gateway, true);
        }
    }
}

fn ipv6(lines: &mut Lines, nic: &Nic) {
    let kind = match nic.ipv6 {
        Ipv6::None => return,
        Ipv6::Slaac => "ipv6_slaac",
        Ipv6::SlaacDhcp => "ipv6_dhcpv6-stateless",
        Ipv6::Dhcp => "ipv6_dhcpv6-stateful",
        Ipv6::Static { .. } => "static6",
    };
    let gateway = gateway6(nic).map(|gateway| gateway.address.to_string());
    subnet(lines, nic, kind, address6(nic), gateway, false);
}

fn subnet(
    lines: &mut Lines,
    nic: &Nic,
    kind: &str,
    address: Option<String>,
    gateway: Option<String>,
    is_ipv4: bool,
) {
    lines.add(format!("      - type: {kind}"));
    if let Some(address) = address {
        lines.add(format!("        address: \"{address}\""));
    }
    if let Some(gateway) = gateway {
        lines.add(format!("        gateway: \"{gateway}\""));
    }
    let mut list = |key: &str, items: Vec<String>| {
        if !items.is_empty() {
            let items: Vec<_> = items.iter().map(|item| format!("\"{item}\"")).collect();
            lines.add(format!("        {key}: [{}]", items.join(", ")));
        }
    };
    list("dns_nameservers", servers(nic, is_ipv4));
    let domains = nic
        .dns_search
        .iter()
        .map(|domain| domain.as_str().to_owned());
    list("dns_search", domains.collect());
    let routes: Vec<_> = routes(nic, is_ipv4).collect();
    if !routes.is_empty() {
        lines.add("        routes:");
        for route in routes {
            lines.add(format!("          - network: \"{}\"", route.to.address()));
            let prefix = route.to.prefix();
            // 0.7.9 knows no other word, and newer ones no mask of IPv6.
            lines.add(if is_ipv4 {
                format!("            netmask: \"{}\"", netmask(prefix))
            } else {
                format!("            prefix: {prefix}")
            });
            lines.add(format!("            gateway: \"{}\"", route.via));
        }
    }
}

#[cfg(test)]
mod tests;
