//! netctl.profile(5) of Arch Linux.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{Ipv4, Ipv6, Nic};

use super::facts::{Facts, address4, address6, gateway4, gateway6, routes};
use super::lines::{Lines, words};
use super::names;
use super::plan::Plan;

/// Where the profiles lie.
pub const DIRECTORY: &str = "/etc/netctl";

/// Where systemd looks for the profiles that are switched on.
pub const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";

/// A profile an interface, each switched on, and the rule that names the interfaces.
#[must_use]
pub fn render(nics: &[Nic], facts: &Facts) -> Plan {
    let mut plan = names::rules(nics, facts);
    for (number, nic) in nics.iter().enumerate() {
        let name = names::name(number, facts);
        plan.file(format!("{DIRECTORY}/{name}"), one(nic, &name));
        plan.link(
            format!("{WANTS}/netctl@{name}.service"),
            "/usr/lib/systemd/system/netctl@.service",
        );
    }
    plan
}

/// A profile is a script of bash: each value is one word of letters that mean nothing there.
fn one(nic: &Nic, name: &str) -> String {
    let mut lines = Lines::marked();
    lines.add(format!("Interface={name}"));
    lines.add("Connection=ethernet");
    let method = match nic.ipv4 {
        Ipv4::None => "no",
        Ipv4::Dhcp => "dhcp",
        Ipv4::Static { .. } => "static",
    };
    lines.add(format!("IP={method}"));
    if let Some(address) = address4(nic) {
        lines.add(format!("Address=('{address}')"));
    }
    let method = match nic.ipv6 {
        Ipv6::None => "no",
        Ipv6::Slaac => "stateless",
        Ipv6::SlaacDhcp => "dhcp-noaddr",
        Ipv6::Dhcp => "dhcp",
        Ipv6::Static { .. } => "static",
    };
    lines.add(format!("IP6={method}"));
    if let Some(address) = address6(nic) {
        lines.add(format!("Address6=('{address}')"));
    }
    gateways(&mut lines, nic);
    if !nic.dns_servers.is_empty() {
        let servers: Vec<_> = nic
            .dns_servers
            .iter()
            .map(|server| format!("'{server}'"))
            .collect();
        lines.add(format!("DNS=({})", servers.join(" ")));
    }
    let domains: Vec<_> = nic
        .dns_search
        .iter()
        .map(|domain| domain.as_str())
        .collect();
    if !domains.is_empty() {
        lines.add(format!("DNSSearch='{}'", words(&domains)));
    }
    if let Some(mtu) = nic.mtu {
        lines.add(format!("ExecUpPost='ip link set dev {name} mtu {mtu}'"));
    }
    lines.into_text()
}

fn gateways(lines: &mut Lines, nic: &Nic) {
    let mut routes4 = Vec::new();
    let mut routes6 = Vec::new();
    if let Some(gateway) = gateway4(nic) {
        let address = gateway.address;
        if gateway.is_outside {
            routes4.push(format!("'{address}/32'"));
            routes4.push(format!("'default via {address}'"));
        } else {
            lines.add(format!("Gateway='{address}'"));
        }
    }
    if let Some(gateway) = gateway6(nic) {
        let address = gateway.address;
        if gateway.is_outside {
            routes6.push(format!("'{address}/128'"));
            routes6.push(format!("'default via {address}'"));
        } else {
            lines.add(format!("Gateway6='{address}'"));
        }
    }
    routes4.extend(routes(nic, true).map(|route| format!("'{} via {}'", route.to, route.via)));
    routes6.extend(routes(nic, false).map(|route| format!("'{} via {}'", route.to, route.via)));
    for (key, routes) in [("Routes", routes4), ("Routes6", routes6)] {
        if !routes.is_empty() {
            lines.add(format!("{key}=({})", routes.join(" ")));
        }
    }
}

#[cfg(test)]
mod tests;
