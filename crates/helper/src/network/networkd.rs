//! systemd.network(5).
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{Ipv4, Ipv6, Nic};

use super::facts::{Gateway, address4, address6, gateway4, gateway6};
use super::lines::{Lines, words};
use super::plan::Plan;

/// Where the files lie.
pub const DIRECTORY: &str = "/etc/systemd/network";

/// One file an interface, named so that it comes before those of the system.
#[must_use]
pub fn render(nics: &[Nic]) -> Plan {
    let mut plan = Plan::default();
    for (number, nic) in nics.iter().enumerate() {
        plan.file(
            format!("{DIRECTORY}/10-snf-image-nic{number}.network"),
            one(nic),
        );
    }
    plan
}

/// Links that switch systemd-networkd on, as `systemctl enable` makes them.
#[must_use]
pub fn enabled() -> Plan {
    let mut plan = Plan::default();
    for (unit, target) in [
        ("systemd-networkd.service", "multi-user.target"),
        ("systemd-networkd.socket", "sockets.target"),
    ] {
        plan.link(
            format!("/etc/systemd/system/{target}.wants/{unit}"),
            format!("/lib/systemd/system/{unit}"),
        );
    }
    plan
}

fn one(nic: &Nic) -> String {
    let mut lines = Lines::marked();
    lines.add("[Match]");
    lines.add(format!("MACAddress={}", nic.mac));
    // A VLAN or a bridge upon it borrows the MAC address.
    lines.add("Type=ether");
    if nic.mtu.is_some() || !nic.has_addresses() {
        lines.add("\n[Link]");
        lines.set("MTUBytes", nic.mtu);
        if !nic.has_addresses() {
            lines.add("RequiredForOnline=no");
        }
    }
    lines.add("\n[Network]");
    let dhcp = match (nic.ipv4 == Ipv4::Dhcp, nic.ipv6 == Ipv6::Dhcp) {
        (true, true) => "yes",
        (true, false) => "ipv4",
        (false, true) => "ipv6",
        (false, false) => "no",
    };
    lines.add(format!("DHCP={dhcp}"));
    let is_link_local = if nic.has_addresses() { "ipv6" } else { "no" };
    lines.add(format!("LinkLocalAddressing={is_link_local}"));
    let hears_routers = matches!(nic.ipv6, Ipv6::Slaac | Ipv6::SlaacDhcp | Ipv6::Dhcp);
    let accept = if hears_routers { "yes" } else { "no" };
    lines.add(format!("IPv6AcceptRA={accept}"));
    lines.set("Address", address4(nic));
    lines.set("Address", address6(nic));
    for server in &nic.dns_servers {
        lines.add(format!("DNS={server}"));
    }
    if !nic.dns_search.is_empty() {
        let domains: Vec<_> = nic
            .dns_search
            .iter()
            .map(|domain| domain.as_str())
            .collect();
        lines.add(format!("Domains={}", words(&domains)));
    }
    // Routers say whether there is a DHCPv6 server; the interface's owner knows better.
    match nic.ipv6 {
        Ipv6::Slaac => lines.add("\n[IPv6AcceptRA]\nDHCPv6Client=no"),
        Ipv6::Dhcp => lines.add("\n[IPv6AcceptRA]\nDHCPv6Client=always"),
        Ipv6::None | Ipv6::SlaacDhcp | Ipv6::Static { .. } => {}
    }
    if let Some(gateway) = gateway4(nic) {
        default(&mut lines, gateway, "32\nScope=link");
    }
    if let Some(gateway) = gateway6(nic) {
        // IPv6 knows no scope of a route.
        default(&mut lines, gateway, "128");
    }
    for route in &nic.routes {
        lines.add(format!(
            "\n[Route]\nDestination={}\nGateway={}",
            route.to, route.via
        ));
        let is_static = if route.via.is_ipv4() {
            address4(nic).is_some()
        } else {
            address6(nic).is_some()
        };
        if !is_static {
            // The route is made before there is an address whose network the router is in.
            lines.add("GatewayOnLink=yes");
        }
    }
    lines.into_text()
}

fn default(lines: &mut Lines, gateway: Gateway<impl std::fmt::Display>, whole: &str) {
    let address = &gateway.address;
    if gateway.is_outside {
        // systemd before 237 knows no GatewayOnLink, and passes it over.
        lines.add(format!("\n[Route]\nDestination={address}/{whole}"));
        lines.add(format!("\n[Route]\nGateway={address}\nGatewayOnLink=yes"));
    } else {
        lines.add(format!("\n[Route]\nGateway={address}"));
    }
}

#[cfg(test)]
mod tests;
