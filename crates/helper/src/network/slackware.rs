//! `rc.inet1.conf` of Slackware.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{Ipv4, Ipv6, Nic, netmask};

use super::facts::{Facts, gateway4, gateway6};
use super::lines::Lines;
use super::names;
use super::plan::Plan;

/// The file.
pub const FILE: &str = "/etc/rc.d/rc.inet1.conf";

/// What this system has no words for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inexpressible(pub &'static str);

/// The file, and the rule that names the interfaces.
///
/// # Errors
/// When an interface needs what the file has no words for.
pub fn render(nics: &[Nic], facts: &Facts) -> Result<Plan, Inexpressible> {
    let mut plan = names::rules(nics, facts);
    let mut lines = Lines::marked();
    let mut gateways = Vec::new();
    for (number, nic) in nics.iter().enumerate() {
        if gateway4(nic).is_some_and(|gateway| gateway.is_outside)
            || gateway6(nic).is_some_and(|gateway| gateway.is_outside)
        {
            return Err(Inexpressible("a gateway outside the network"));
        }
        if !nic.routes.is_empty() {
            return Err(Inexpressible("further routes"));
        }
        if matches!(nic.ipv6, Ipv6::SlaacDhcp | Ipv6::Dhcp) {
            return Err(Inexpressible("DHCPv6"));
        }
        one(&mut lines, number, nic, &names::name(number, facts));
        gateways.extend(gateway4(nic).map(|gateway| ("GATEWAY", gateway.address.to_string())));
        gateways.extend(gateway6(nic).map(|gateway| ("GATEWAY6", gateway.address.to_string())));
    }
    for key in ["GATEWAY", "GATEWAY6"] {
        let value = gateways.iter().find(|(name, _)| *name == key);
        let value = value
            .map(|(_, address)| address.as_str())
            .unwrap_or_default();
        lines.add(format!("{key}=\"{value}\""));
    }
    plan.file(FILE, lines.into_text());
    Ok(plan)
}

fn one(lines: &mut Lines, number: usize, nic: &Nic, name: &str) {
    let mut set = |key: &str, value: String| lines.add(format!("{key}[{number}]=\"{value}\""));
    set("IFNAME", name.to_owned());
    match nic.ipv4 {
        Ipv4::None => {}
        Ipv4::Dhcp => set("USE_DHCP", "yes".into()),
        Ipv4::Static {
            address, prefix, ..
        } => {
            set("IPADDR", address.to_string());
            set("NETMASK", netmask(prefix).to_string());
            set("USE_DHCP", String::new());
        }
    }
    match nic.ipv6 {
        Ipv6::Slaac => set("USE_SLAAC", "yes".into()),
        Ipv6::Static {
            address, prefix, ..
        } => {
            set("IP6ADDRS", format!("{address}/{prefix}"));
            set("USE_RA", String::new());
        }
        Ipv6::None | Ipv6::SlaacDhcp | Ipv6::Dhcp => {}
    }
    if let Some(mtu) = nic.mtu {
        set("MTU", mtu.to_string());
    }
}

#[cfg(test)]
mod tests;
