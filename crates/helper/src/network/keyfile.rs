//! NetworkManager's keyfiles, nm-settings-keyfile(5).
// SPDX-License-Identifier: BSD-2-Clause

use sha2::{Digest, Sha256};
use snf_image_protocol::{Ipv4, Ipv6, MacAddress, Nic};

use super::facts::{address4, address6, gateway4, gateway6, routes, servers};
use super::lines::Lines;
use super::plan::Plan;

/// Where the files lie.
pub const DIRECTORY: &str = "/etc/NetworkManager/system-connections";

/// The service of OpenRC.
pub const OPENRC_SERVICE: &str = "/etc/init.d/NetworkManager";

/// A file of Ubuntu that keeps NetworkManager away from all Ethernet interfaces, and the empty one
/// of the same name that takes its effect away (NetworkManager.conf(5)).
pub const UNMANAGED: [&str; 2] = [
    "/usr/lib/NetworkManager/conf.d/10-globally-managed-devices.conf",
    "/etc/NetworkManager/conf.d/10-globally-managed-devices.conf",
];

/// One file an interface. NetworkManager reads none that others may read.
#[must_use]
pub fn render(nics: &[Nic]) -> Plan {
    let mut plan = Plan::default();
    for (number, nic) in nics.iter().enumerate() {
        plan.file_with_mode(
            format!("{DIRECTORY}/snf-image-nic{number}.nmconnection"),
            0o600,
            one(number, nic),
        );
    }
    plan
}

/// The file that lets NetworkManager manage what Ubuntu keeps it away from.
#[must_use]
pub fn managed() -> Plan {
    let mut plan = Plan::default();
    let [_, own] = UNMANAGED;
    plan.file(own, Lines::marked().into_text());
    plan
}

/// What switches NetworkManager on, by systemd, or by OpenRC where `by_openrc`.
#[must_use]
pub fn enabled(by_openrc: bool) -> Plan {
    let mut plan = Plan::default();
    if by_openrc {
        plan.link("/etc/runlevels/default/NetworkManager", OPENRC_SERVICE);
    } else {
        plan.link(
            "/etc/systemd/system/multi-user.target.wants/NetworkManager.service",
            "/lib/systemd/system/NetworkManager.service",
        );
    }
    plan
}

fn one(number: usize, nic: &Nic) -> String {
    let mut lines = Lines::marked();
    lines.add("[connection]");
    lines.add(format!("id=snf-image-nic{number}"));
    lines.add(format!("uuid={}", uuid(nic.mac)));
    lines.add("type=ethernet");
    lines.add("\n[ethernet]");
    lines.add(format!(
        "mac-address={}",
        nic.mac.to_string().to_uppercase()
    ));
    lines.set("mtu", nic.mtu);
    lines.add("\n[ipv4]");
    let method = match nic.ipv4 {
        Ipv4::None => "disabled",
        Ipv4::Dhcp => "auto",
        Ipv4::Static { .. } => "manual",
    };
    lines.add(format!("method={method}"));
    let gateway = gateway4(nic).map(|gateway| gateway.address.to_string());
    address(&mut lines, address4(nic), gateway);
    family(&mut lines, nic, true);
    lines.add("\n[ipv6]");
    let method = match nic.ipv6 {
        // `disabled` makes releases before 1.20 pass over the whole file.
        Ipv6::None => "link-local",
        // The method `dhcp` hears no router and finds no default route. With `auto` the routers
        // say whether DHCPv6 is to be used.
        Ipv6::Slaac | Ipv6::SlaacDhcp | Ipv6::Dhcp => "auto",
        Ipv6::Static { .. } => "manual",
    };
    lines.add(format!("method={method}"));
    lines.add("addr-gen-mode=eui64");
    lines.add("ip6-privacy=0");
    let gateway = gateway6(nic).map(|gateway| gateway.address.to_string());
    address(&mut lines, address6(nic), gateway);
    family(&mut lines, nic, false);
    lines.into_text()
}

/// NetworkManager itself adds a route to a gateway outside the network.
fn address(lines: &mut Lines, address: Option<String>, gateway: Option<String>) {
    let both = address.map(|address| match gateway {
        Some(gateway) => format!("{address},{gateway}"),
        None => address,
    });
    lines.set("address1", both);
}

fn family(lines: &mut Lines, nic: &Nic, is_ipv4: bool) {
    let has_family = if is_ipv4 {
        nic.ipv4 != Ipv4::None
    } else {
        nic.ipv6 != Ipv6::None
    };
    // A family that is switched off takes neither servers nor routes.
    if !has_family {
        return;
    }
    let list = |items: &[String]| {
        items
            .iter()
            .map(|item| format!("{item};"))
            .collect::<String>()
    };
    let servers = servers(nic, is_ipv4);
    lines.set("dns", (!servers.is_empty()).then(|| list(&servers)));
    let domains: Vec<_> = nic
        .dns_search
        .iter()
        .map(|domain| domain.as_str().to_owned())
        .collect();
    lines.set("dns-search", (!domains.is_empty()).then(|| list(&domains)));
    for (number, route) in routes(nic, is_ipv4).enumerate() {
        let key = format!("route{}", number.saturating_add(1));
        lines.set(&key, Some(format!("{},{}", route.to, route.via)));
    }
}

/// A UUID made of the MAC address (RFC 9562, version 8): the same each time.
fn uuid(mac: MacAddress) -> String {
    let digest = Sha256::new()
        .chain_update(b"snf-image network interface ")
        .chain_update(mac.bytes())
        .finalize();
    let mut value = digest
        .iter()
        .take(16)
        .fold(0u128, |value, byte| value << 8 | u128::from(*byte));
    value = value & !(0xf << 76) | 0x8 << 76;
    value = value & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{value:032x}");
    let mut rest = hex.chars();
    let mut part = |length| rest.by_ref().take(length).collect::<String>();
    let parts = [part(8), part(4), part(4), part(4), part(12)];
    parts.join("-")
}

#[cfg(test)]
mod tests;
