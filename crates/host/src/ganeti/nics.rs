//! Decides how each network interface gets its addresses, by what Ganeti tells of it.
//!
//! An interface has an IP address of its own and belongs to a network with subnets, gateways and
//! tags; whichever of these is there decides, as in release 0.23. Further tags, of the form
//! `mtu:1400`, say what Ganeti has no field for.
// SPDX-License-Identifier: BSD-2-Clause

use std::net::{IpAddr, Ipv6Addr};

use snf_image_protocol::{Domain, Ip6, Ipv4, Ipv6, Network, Nic, Properties, parse_route};

use super::environment;
use super::fault::{Fault, Faults};
use crate::config::NetworkSettings;
use crate::request::apply_properties;

/// The longest prefix of a network in which an interface can make its own address, in bits
/// (RFC 4291, section 2.5.1).
const LONGEST_AUTO: u8 = 64;

/// What becomes of the interfaces, and what is strange about it.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) nics: Vec<Nic>,
    pub(super) warnings: Vec<String>,
}

/// Decides for all interfaces of an instance. None are left where the image is to keep its
/// configuration.
pub(super) fn decide(
    given: &[environment::Nic],
    settings: &NetworkSettings,
    properties: &Properties,
) -> Result<Decided, Faults> {
    let mut decided = Decided::default();
    for (number, nic) in given.iter().enumerate() {
        let ip6 = properties.nic(number).unwrap_or_default().ip6;
        let nic = one(nic, ip6, settings, number, &mut decided.warnings);
        decided.nics.push(nic);
    }
    for (name, number) in properties.of_interfaces() {
        if number >= given.len() {
            decided.warnings.push(format!(
                "property {name} has no effect: the instance has no network interface {number}"
            ));
        }
    }
    if let [only] = decided.nics.as_mut_slice()
        && !only.has_addresses()
    {
        let Some(default) = settings.default_nic else {
            let text = "the network interface has no address and DEFAULT_NIC_CONFIG is empty: \
                        the image keeps its network configuration";
            decided.warnings.push(text.into());
            decided.nics.clear();
            return Ok(decided);
        };
        only.ipv4 = default.ipv4();
        only.ipv6 = default.ipv6.into();
    }
    let mut faults = Faults::default();
    for fault in apply_properties(&mut decided.nics, properties)
        .err()
        .unwrap_or_default()
    {
        faults.add(Fault::of_request(fault));
    }
    faults.or(decided)
}

fn one(
    given: &environment::Nic,
    ip6: Option<Ip6>,
    settings: &NetworkSettings,
    number: usize,
    warnings: &mut Vec<String>,
) -> Nic {
    let mut nic = Nic::new(given.mac);
    nic.frontend.clone_from(&given.frontend);
    nic.ipv4 = ipv4(given, settings);
    nic.ipv6 = ipv6(given, ip6, settings);
    nic.is_asked_for = nic.has_addresses();
    for tag in &given.tags {
        if !take_tag(&mut nic, tag) {
            warnings.push(format!(
                "network interface {number}: the tag {tag:?} of its network has no meaning: its \
                 value is not of the form that belongs to its name"
            ));
        }
    }
    nic
}

fn ipv4(given: &environment::Nic, settings: &NetworkSettings) -> Ipv4 {
    let Some(IpAddr::V4(address)) = given.ip else {
        return Ipv4::None;
    };
    match given.subnet {
        Some(subnet) if !has_any(&given.tags, &settings.dhcp_tags) => Ipv4::Static {
            address,
            prefix: subnet.prefix(),
            gateway: given.gateway,
        },
        _ => Ipv4::Dhcp,
    }
}

fn ipv6(given: &environment::Nic, ip6: Option<Ip6>, settings: &NetworkSettings) -> Ipv6 {
    let own = match given.ip {
        Some(IpAddr::V6(address)) => Some(Ip6 {
            address,
            prefix: None,
        }),
        _ => None,
    };
    let fixed = |address: Ipv6Addr, prefix: Option<u8>| {
        let of_network = given
            .subnet6
            .filter(|subnet| subnet.contains(address.into()))
            .map(Network::prefix);
        Ipv6::Static {
            address,
            prefix: prefix.or(of_network).unwrap_or(128),
            gateway: given.gateway6,
        }
    };
    if let Some(Ip6 { address, prefix }) = ip6.or(own) {
        return fixed(address, prefix);
    }
    let made = given
        .subnet6
        .filter(|subnet| subnet.prefix() <= LONGEST_AUTO)
        .filter(|_| has_any(&given.tags, &settings.static_ipv6_tags));
    if let Some(IpAddr::V6(network)) = made.map(|subnet| subnet.masked().address()) {
        return fixed(given.mac.in_network(network), None);
    }
    if given.gateway6.is_none() {
        return Ipv6::None;
    }
    // The last tag that says anything counts; of one that says both, stateless.
    let method = given.tags.iter().rev().find_map(|tag| {
        if settings.stateless_dhcpv6_tags.contains(tag) {
            Some(Ipv6::SlaacDhcp)
        } else if settings.stateful_dhcpv6_tags.contains(tag) {
            Some(Ipv6::Dhcp)
        } else {
            None
        }
    });
    method.unwrap_or(Ipv6::Slaac)
}

fn has_any(tags: &[String], wanted: &[String]) -> bool {
    tags.iter().any(|tag| wanted.contains(tag))
}

/// Takes over what a tag of the form `NAME:VALUE` says. `false`: the value cannot belong to the
/// name.
fn take_tag(nic: &mut Nic, tag: &str) -> bool {
    let Some((name, value)) = tag.split_once(':') else {
        return true;
    };
    let reaches_servers = nic.has_addresses();
    match name {
        "mtu" => match value.parse() {
            Ok(mtu) => nic.mtu = Some(mtu),
            Err(_) => return false,
        },
        "dns" => match value.parse() {
            Ok(server) if reaches_servers => nic.dns_servers.push(server),
            Ok(_) => {}
            Err(_) => return false,
        },
        "search" => match Domain::new(value) {
            Ok(domain) if reaches_servers => nic.dns_search.push(domain),
            Ok(_) => {}
            Err(_) => return false,
        },
        "route" => match parse_route(value) {
            Some(route) => nic.routes.push(route),
            None => return false,
        },
        _ => {}
    }
    true
}

#[cfg(test)]
#[path = "nics_tests.rs"]
mod tests;
