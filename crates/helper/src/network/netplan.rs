//! netplan(5), and the same form as cloud-init takes it (network configuration, version 2).
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{Ipv4, Ipv6, Nic};

use super::facts::{address4, address6, gateway4, gateway6};
use super::lines::Lines;
use super::plan::Plan;

/// Where the files lie.
pub const DIRECTORY: &str = "/etc/netplan";

/// One file for all interfaces, for root alone as netplan demands. `network_manager` says that
/// NetworkManager is what netplan has to speak to, and not systemd-networkd.
#[must_use]
pub fn render(nics: &[Nic], network_manager: bool) -> Plan {
    let mut lines = Lines::marked();
    lines.add("network:");
    lines.add("  version: 2");
    if network_manager {
        lines.add("  renderer: NetworkManager");
    }
    for line in ethernets(nics, false).into_text().lines() {
        lines.add(format!("  {line}"));
    }
    let mut plan = Plan::default();
    plan.file_with_mode(
        format!("{DIRECTORY}/90-snf-image.yaml"),
        0o600,
        lines.into_text(),
    );
    plan
}

/// The mapping `ethernets`, not indented. `gateway_keys` says that default gateways within the
/// network stand in the keys for them, which netplan has come to dislike and cloud-init alone gets
/// right: up to 22.4 at least it makes `::/64` of a route to `::/0`.
pub(super) fn ethernets(nics: &[Nic], gateway_keys: bool) -> Lines {
    let mut lines = Lines::default();
    if nics.is_empty() {
        lines.add("ethernets: {}");
        return lines;
    }
    lines.add("ethernets:");
    for (number, nic) in nics.iter().enumerate() {
        lines.add(format!("  nic{number}:"));
        one(&mut lines, nic, gateway_keys);
    }
    lines
}

/// Values that are no numbers or words are quoted: YAML takes much for numbers that is none.
fn one(lines: &mut Lines, nic: &Nic, gateway_keys: bool) {
    lines.add("    match:");
    lines.add(format!("      macaddress: \"{}\"", nic.mac));
    lines.add(format!("    dhcp4: {}", nic.ipv4 == Ipv4::Dhcp));
    let asks_dhcp6 = matches!(nic.ipv6, Ipv6::SlaacDhcp | Ipv6::Dhcp);
    lines.add(format!("    dhcp6: {asks_dhcp6}"));
    let hears_routers = matches!(nic.ipv6, Ipv6::Slaac | Ipv6::SlaacDhcp | Ipv6::Dhcp);
    lines.add(format!("    accept-ra: {hears_routers}"));
    if !nic.has_addresses() {
        lines.add("    link-local: []");
        // Nobody waits for it while the system starts.
        lines.add("    optional: true");
    }
    if let Some(mtu) = nic.mtu {
        lines.add(format!("    mtu: {mtu}"));
    }
    let addresses: Vec<_> = address4(nic).into_iter().chain(address6(nic)).collect();
    if !addresses.is_empty() {
        lines.add("    addresses:");
        for address in addresses {
            lines.add(format!("      - \"{address}\""));
        }
    }
    if !nic.dns_servers.is_empty() || !nic.dns_search.is_empty() {
        lines.add("    nameservers:");
        let servers = nic.dns_servers.iter().map(ToString::to_string);
        list(lines, "addresses", servers);
        let domains = nic
            .dns_search
            .iter()
            .map(|domain| domain.as_str().to_owned());
        list(lines, "search", domains);
    }
    routes(lines, nic, gateway_keys);
}

fn list(lines: &mut Lines, key: &str, items: impl Iterator<Item = String>) {
    let items: Vec<_> = items.map(|item| format!("\"{item}\"")).collect();
    if !items.is_empty() {
        lines.add(format!("      {key}: [{}]", items.join(", ")));
    }
}

fn routes(lines: &mut Lines, nic: &Nic, gateway_keys: bool) {
    let mut routes = Vec::new();
    let is_key = |is_outside: bool| gateway_keys && !is_outside;
    if let Some(gateway) = gateway4(nic).filter(|gateway| is_key(gateway.is_outside)) {
        lines.add(format!("    gateway4: \"{}\"", gateway.address));
    }
    if let Some(gateway) = gateway6(nic).filter(|gateway| is_key(gateway.is_outside)) {
        lines.add(format!("    gateway6: \"{}\"", gateway.address));
    }
    if let Some(gateway) = gateway4(nic).filter(|gateway| !is_key(gateway.is_outside)) {
        // Every release of netplan takes this for the default route; `default` only newer ones.
        let to = "0.0.0.0/0".to_owned();
        routes.push((to, gateway.address.to_string(), gateway.is_outside));
    }
    if let Some(gateway) = gateway6(nic).filter(|gateway| !is_key(gateway.is_outside)) {
        let to = "::/0".to_owned();
        routes.push((to, gateway.address.to_string(), gateway.is_outside));
    }
    for route in &nic.routes {
        routes.push((route.to.to_string(), route.via.to_string(), false));
    }
    if routes.is_empty() {
        return;
    }
    lines.add("    routes:");
    for (to, via, is_outside) in routes {
        lines.add(format!("      - to: \"{to}\""));
        lines.add(format!("        via: \"{via}\""));
        if is_outside {
            lines.add("        on-link: true");
        }
    }
}

#[cfg(test)]
mod tests;
