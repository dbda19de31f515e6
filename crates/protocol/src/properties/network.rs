//! Properties of the network interfaces: what a cluster's networks do not say.
// SPDX-License-Identifier: BSD-2-Clause

use std::net::IpAddr;

use super::{Properties, PropertyError, decimal, meaning};
use crate::{Domain, MAX_LIST, MAX_NICS, Network, Route};

/// Those that hold for every interface, or with `NIC_<number>_` in front for one.
const FOR_ALL: [&str; 3] = ["DNS_SEARCH", "DNS_SERVERS", "MTU"];

/// Those that only one interface can have: with `NIC_<number>_` in front.
const FOR_ONE: [&str; 2] = ["IP6", "ROUTES"];

/// What the properties say of one interface. What they do not say is `None`; what they take away
/// is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NicProperties {
    /// `DNS_SERVERS`: addresses.
    pub dns_servers: Option<Vec<IpAddr>>,
    /// `DNS_SEARCH`: domains.
    pub dns_search: Option<Vec<Domain>>,
    /// `MTU`: in bytes.
    pub mtu: Option<u32>,
    /// `NIC_<number>_IP6`: an IPv6 address, with or without a prefix.
    pub ip6: Option<Ip6>,
    /// `NIC_<number>_ROUTES`: words of the form `NETWORK@ROUTER`.
    pub routes: Option<Vec<Route>>,
}

/// An IPv6 address as a person gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip6 {
    /// The address.
    pub address: std::net::Ipv6Addr,
    /// Its prefix; without one that of the network.
    pub prefix: Option<u8>,
}

impl Properties {
    /// What is said of the interface with this number, from 0.
    ///
    /// # Errors
    /// The first value that means nothing.
    pub fn nic(&self, number: usize) -> Result<NicProperties, PropertyError> {
        let own = |name: &str| format!("NIC_{number}_{name}");
        let either = |name: &str| {
            let own = own(name);
            match self.get(&own) {
                Some(value) => Some((own, value)),
                None => self.get(name).map(|value| (name.to_owned(), value)),
            }
        };
        let mut found = NicProperties::default();
        if let Some((name, value)) = either("DNS_SERVERS") {
            found.dns_servers = Some(words(&name, value, SERVERS, |word| word.parse().ok())?);
        }
        if let Some((name, value)) = either("DNS_SEARCH") {
            found.dns_search = Some(words(&name, value, DOMAINS, |word| Domain::new(word).ok())?);
        }
        if let Some((name, value)) = either("MTU").filter(|(_, value)| !value.is_empty()) {
            let mtu = decimal(value).and_then(|mtu| u32::try_from(mtu).ok());
            let mtu = mtu.filter(|mtu| (68..=65535).contains(mtu));
            found.mtu = Some(mtu.ok_or_else(|| meaning(&name, value, BYTES))?);
        }
        if let Some(value) = self.given(&own("IP6")) {
            let ip6 = ip6(value).ok_or_else(|| meaning(&own("IP6"), value, ADDRESS))?;
            found.ip6 = Some(ip6);
        }
        if let Some(value) = self.get(&own("ROUTES")) {
            found.routes = Some(words(&own("ROUTES"), value, ROUTES, parse_route)?);
        }
        Ok(found)
    }

    /// All that means nothing, interface by interface.
    pub(super) fn nic_faults(&self) -> Vec<PropertyError> {
        let mut faults: Vec<_> = (0..MAX_NICS)
            .filter_map(|nic| self.nic(nic).err())
            .collect();
        // What holds for all is wrong for all.
        faults.dedup();
        faults
    }
}

/// The number of the interface that a property of this name is about.
pub(super) fn about(name: &str) -> Option<usize> {
    let (number, name) = name.strip_prefix("NIC_")?.split_once('_')?;
    let is_known = FOR_ALL.contains(&name) || FOR_ONE.contains(&name);
    let value = number.parse::<usize>().ok().filter(|_| is_known)?;
    (value.to_string() == number && value < MAX_NICS).then_some(value)
}

const SERVERS: &str = "it is a list of IP addresses separated by spaces";
const DOMAINS: &str = "it is a list of domains separated by spaces";
const BYTES: &str = "it is a number of bytes from 68 to 65535";
const ADDRESS: &str =
    "it is an IPv6 address such as 2001:db8::5/64; without the prefix that of the network is taken";
const ROUTES: &str = "it is a list of routes such as 10.0.0.0/8@192.0.2.9 separated by spaces";

fn words<T>(
    name: &str,
    value: &str,
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, PropertyError> {
    let words: Option<Vec<_>> = value
        .split([' ', ',', '\t', '\n'])
        .filter(|word| !word.is_empty())
        .map(parse)
        .collect();
    words
        .filter(|words| words.len() <= MAX_LIST)
        .ok_or_else(|| meaning(name, value, expected))
}

/// Reads `NETWORK@ROUTER`.
#[must_use]
pub fn parse_route(text: &str) -> Option<Route> {
    let (to, via) = text.split_once('@')?;
    let to: Network = to.parse().ok()?;
    let via: IpAddr = via.parse().ok()?;
    (to.address().is_ipv4() == via.is_ipv4()).then(|| Route {
        to: to.masked(),
        via,
    })
}

fn ip6(text: &str) -> Option<Ip6> {
    let (address, prefix) = match text.split_once('/') {
        Some(_) => {
            let network: Network = text.parse().ok()?;
            (network.address(), Some(network.prefix()))
        }
        None => (text.parse().ok()?, None),
    };
    match address {
        IpAddr::V6(address) => Some(Ip6 { address, prefix }),
        IpAddr::V4(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Properties, Vec<PropertyError>> {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Properties::new(pairs)
    }

    #[test]
    fn one_interface_may_differ_from_the_others() {
        let properties = of(&[
            ("DNS_SERVERS", "192.0.2.53 2001:db8::53"),
            ("dns_search", "example.org"),
            ("MTU", "1400"),
            ("NIC_1_DNS_SERVERS", ""),
            ("NIC_1_MTU", "9000"),
            ("NIC_1_IP6", "2001:db8::5/64"),
            (
                "NIC_1_ROUTES",
                "10.0.0.0/8@192.0.2.9,2001:db8:1::1/48@fe80::1",
            ),
        ])
        .unwrap();
        let (first, second) = (properties.nic(0).unwrap(), properties.nic(1).unwrap());
        assert_eq!(first.dns_servers.unwrap().len(), 2);
        assert_eq!((first.mtu, second.mtu), (Some(1400), Some(9000)));
        assert_eq!(second.dns_servers, Some(Vec::new()));
        assert_eq!(second.dns_search.unwrap()[0].as_str(), "example.org");
        assert_eq!(second.ip6.unwrap().prefix, Some(64));
        let routes: Vec<_> = second
            .routes
            .unwrap()
            .iter()
            .map(|route| route.to.to_string())
            .collect();
        assert_eq!(routes, ["10.0.0.0/8", "2001:db8:1::/48"]);
        assert!(properties.warnings().is_empty());
    }

    #[test]
    fn what_means_nothing_is_refused_by_name() {
        for (name, value) in [
            ("DNS_SERVERS", "dns.example.org"),
            ("DNS_SEARCH", "a b/c"),
            ("MTU", "1e3"),
            ("MTU", "67"),
            ("NIC_0_IP6", "192.0.2.1"),
            ("NIC_0_ROUTES", "10.0.0.0/8"),
            ("NIC_0_ROUTES", "10.0.0.0/8@2001:db8::1"),
        ] {
            let faults = of(&[(name, value)]).unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].to_string().contains(name));
        }
    }

    #[test]
    fn only_known_names_are_about_an_interface() {
        assert_eq!(about("NIC_0_MTU"), Some(0));
        assert_eq!(about("NIC_12_ROUTES"), Some(12));
        for name in ["NIC_0_COLOUR", "NIC_X_MTU", "MTU", "NIC_64_MTU"] {
            assert_eq!(about(name), None, "{name}");
        }
    }
}
