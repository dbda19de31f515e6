//! netifrc of Gentoo: `/etc/conf.d/net` and a service for each interface.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{Ipv4, Ipv6, Nic};

use super::facts::{Facts, address4, address6, gateway4, gateway6};
use super::lines::{Lines, words};
use super::names;
use super::plan::Plan;

/// The file.
pub const FILE: &str = "/etc/conf.d/net";

/// Where the services are, and which are started.
pub const SERVICES: &str = "/etc/init.d";
/// The links of the services that are started.
pub const RUNLEVEL: &str = "/etc/runlevels/default";

/// The file, the services, and the rule that names the interfaces.
#[must_use]
pub fn render(nics: &[Nic], facts: &Facts) -> Plan {
    let mut plan = names::rules(nics, facts);
    let mut lines = Lines::marked();
    for (number, nic) in nics.iter().enumerate() {
        let name = names::name(number, facts);
        one(&mut lines, nic, &name);
        plan.link(format!("{SERVICES}/net.{name}"), "net.lo");
        plan.link(
            format!("{RUNLEVEL}/net.{name}"),
            format!("{SERVICES}/net.{name}"),
        );
    }
    plan.file(FILE, lines.into_text());
    plan
}

fn one(lines: &mut Lines, nic: &Nic, name: &str) {
    let mut config = Vec::new();
    if nic.ipv4 == Ipv4::Dhcp {
        config.push("dhcp".to_owned());
    }
    if matches!(nic.ipv6, Ipv6::SlaacDhcp | Ipv6::Dhcp) {
        config.push("dhcpv6".to_owned());
    }
    config.extend(address4(nic));
    config.extend(address6(nic));
    if config.is_empty() {
        config.push("null".to_owned());
    }
    lines.add(format!("\nconfig_{name}=\"{}\"", config.join("\n")));
    let mut routes = Vec::new();
    if let Some(gateway) = gateway4(nic) {
        if gateway.is_outside {
            routes.push(format!("{}/32", gateway.address));
        }
        routes.push(format!("default via {}", gateway.address));
    }
    if let Some(gateway) = gateway6(nic) {
        if gateway.is_outside {
            routes.push(format!("{}/128", gateway.address));
        }
        routes.push(format!("default via {}", gateway.address));
    }
    for route in &nic.routes {
        routes.push(format!("{} via {}", route.to, route.via));
    }
    if !routes.is_empty() {
        lines.add(format!("routes_{name}=\"{}\"", routes.join("\n")));
    }
    if matches!(nic.ipv6, Ipv6::None | Ipv6::Static { .. }) {
        lines.add(format!("accept_ra_{name}=\"0\""));
    }
    if let Some(mtu) = nic.mtu {
        lines.add(format!("mtu_{name}=\"{mtu}\""));
    }
    if !nic.dns_servers.is_empty() {
        lines.add(format!(
            "dns_servers_{name}=\"{}\"",
            words(&nic.dns_servers)
        ));
    }
    let domains: Vec<_> = nic
        .dns_search
        .iter()
        .map(|domain| domain.as_str())
        .collect();
    if !domains.is_empty() {
        lines.add(format!("dns_search_{name}=\"{}\"", words(&domains)));
    }
}

#[cfg(test)]
mod tests;
