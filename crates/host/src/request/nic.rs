//! Network interfaces given as `mac=…,address=…,…`, and what properties add to any.
// SPDX-License-Identifier: BSD-2-Clause

use std::net::IpAddr;

use snf_image_protocol::{
    Domain, Ipv4, Ipv6, MacAddress, MacError, Network, Nic, NicError, NicProperties, Properties,
    parse_route,
};

use crate::config::AutoIpv6;

/// Why an interface cannot be configured so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NicArgumentError {
    /// No MAC address.
    #[error("{0:?} names no interface: give its MAC address as mac=52:54:00:12:34:56")]
    NoMac(String),
    /// A word that means nothing.
    #[error(
        "{0:?} is not one of mac=, address=, gateway=, dns=, search=, mtu=, route=, dhcp, slaac, slaac_dhcp, dhcpv6"
    )]
    Word(String),
    /// A value that means nothing.
    #[error("{key}={value:?} is not {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value, shortened.
        value: String,
        /// What it is.
        expected: &'static str,
    },
    /// Two ways to one address.
    #[error("{0:?} comes too late: the interface has its {1} address by another word already")]
    Twice(String, &'static str),
    /// A gateway for no address.
    #[error("gateway {0} has no address of its family to go with")]
    Gateway(IpAddr),
    /// A MAC address that is none.
    #[error(transparent)]
    Mac(#[from] MacError),
    /// Something else.
    #[error(transparent)]
    Nic(#[from] NicError),
}

/// Reads one interface.
///
/// # Errors
/// See [`NicArgumentError`].
pub fn parse_nic(text: &str) -> Result<Nic, NicArgumentError> {
    let shortened = |text: &str| -> String { text.chars().take(200).collect() };
    let words = || text.split(',').map(str::trim);
    let mac = words().find_map(|word| word.strip_prefix("mac="));
    let mac = mac.ok_or_else(|| NicArgumentError::NoMac(shortened(text)))?;
    let mut nic = Nic::new(mac.parse::<MacAddress>()?);
    let mut gateways = Vec::new();
    for word in words() {
        let wrong = |key, value, expected| NicArgumentError::Value {
            key,
            value: shortened(value),
            expected,
        };
        match word.split_once('=') {
            Some(("mac", value)) if value == mac => {}
            Some(("address", value)) => {
                let network = value.parse().map_err(|_| {
                    wrong(
                        "address",
                        value,
                        "an address with a prefix, such as 192.0.2.5/24",
                    )
                })?;
                set_address(&mut nic, network, word)?;
            }
            Some(("gateway", value)) => gateways.push(address("gateway", value)?),
            Some(("dns", value)) => nic.dns_servers.push(address("dns", value)?),
            Some(("search", value)) => nic.dns_search.push(Domain::new(value)?),
            Some(("mtu", value)) => {
                let mtu = value.parse().ok().filter(|_| !value.starts_with('+'));
                nic.mtu = Some(mtu.ok_or_else(|| wrong("mtu", value, "a number of bytes"))?);
            }
            Some(("route", value)) => {
                let form = "of the form NETWORK@ROUTER, such as 10.0.0.0/8@192.0.2.9";
                let route = parse_route(value).ok_or_else(|| wrong("route", value, form))?;
                nic.routes.push(route);
            }
            None if word == "dhcp" => set4(&mut nic, Ipv4::Dhcp, word)?,
            _ => {
                let ipv6 = AutoIpv6::named(word);
                let ipv6 = ipv6.ok_or_else(|| NicArgumentError::Word(shortened(word)))?;
                set6(&mut nic, ipv6.into(), word)?;
            }
        }
    }
    for gateway in gateways {
        set_gateway(&mut nic, gateway)?;
    }
    nic.check()?;
    Ok(nic)
}

fn address(key: &'static str, value: &str) -> Result<IpAddr, NicArgumentError> {
    value.parse().map_err(|_| NicArgumentError::Value {
        key,
        value: value.chars().take(80).collect(),
        expected: "an IP address",
    })
}

fn set4(nic: &mut Nic, ipv4: Ipv4, word: &str) -> Result<(), NicArgumentError> {
    if nic.ipv4 != Ipv4::None {
        return Err(NicArgumentError::Twice(word.into(), "IPv4"));
    }
    nic.ipv4 = ipv4;
    Ok(())
}

fn set6(nic: &mut Nic, ipv6: Ipv6, word: &str) -> Result<(), NicArgumentError> {
    if nic.ipv6 != Ipv6::None {
        return Err(NicArgumentError::Twice(word.into(), "IPv6"));
    }
    nic.ipv6 = ipv6;
    Ok(())
}

fn set_address(nic: &mut Nic, network: Network, word: &str) -> Result<(), NicArgumentError> {
    let (prefix, gateway) = (network.prefix(), None);
    match network.address() {
        IpAddr::V4(address) => {
            let ipv4 = Ipv4::Static {
                address,
                prefix,
                gateway,
            };
            set4(nic, ipv4, word)
        }
        IpAddr::V6(address) => {
            let ipv6 = Ipv6::Static {
                address,
                prefix,
                gateway: None,
            };
            set6(nic, ipv6, word)
        }
    }
}

fn set_gateway(nic: &mut Nic, gateway: IpAddr) -> Result<(), NicArgumentError> {
    match (gateway, &mut nic.ipv4, &mut nic.ipv6) {
        (IpAddr::V4(new), Ipv4::Static { gateway, .. }, _) if gateway.is_none() => {
            *gateway = Some(new);
        }
        (IpAddr::V6(new), _, Ipv6::Static { gateway, .. }) if gateway.is_none() => {
            *gateway = Some(new);
        }
        _ => return Err(NicArgumentError::Gateway(gateway)),
    }
    Ok(())
}

/// Adds what the properties say to each interface, by its number; they win.
///
/// # Errors
/// Every interface that cannot be so, with its number.
pub fn apply_properties(nics: &mut [Nic], properties: &Properties) -> Result<(), Vec<String>> {
    let mut faults = Vec::new();
    for (number, nic) in nics.iter_mut().enumerate() {
        // What the properties cannot mean was said when they were read.
        let Ok(wanted) = properties.nic(number) else {
            continue;
        };
        apply(nic, wanted);
        if let Err(fault) = nic.check() {
            faults.push(format!("network interface {number}: {fault}"));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

fn apply(nic: &mut Nic, wanted: NicProperties) {
    if let Some(ip6) = wanted.ip6 {
        let (known, gateway) = match nic.ipv6 {
            Ipv6::Static {
                prefix, gateway, ..
            } => (Some(prefix), gateway),
            _ => (None, None),
        };
        nic.ipv6 = Ipv6::Static {
            address: ip6.address,
            prefix: ip6.prefix.or(known).unwrap_or(128),
            gateway,
        };
        nic.is_asked_for = true;
    }
    if let Some(routes) = wanted.routes {
        nic.routes = routes;
    }
    nic.mtu = wanted.mtu.or(nic.mtu);
    // An interface without addresses reaches no server.
    if nic.has_addresses() {
        nic.dns_servers = wanted
            .dns_servers
            .unwrap_or_else(|| nic.dns_servers.clone());
        nic.dns_search = wanted.dns_search.unwrap_or_else(|| nic.dns_search.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: &str = "mac=52:54:00:12:34:56";

    fn parsed(words: &str) -> Result<Nic, NicArgumentError> {
        parse_nic(&format!("{MAC},{words}"))
    }

    #[test]
    fn an_interface_is_what_its_words_say() {
        let nic = parsed(
            "address=192.0.2.5/24,gateway=192.0.2.1,gateway=fe80::1,address=2001:db8::5/64,\
             dns=192.0.2.53,dns=2001:db8::53,search=example.org,mtu=1400,route=10.0.0.0/8@192.0.2.9",
        )
        .unwrap();
        assert_eq!(
            nic.ipv4,
            Ipv4::Static {
                address: "192.0.2.5".parse().unwrap(),
                prefix: 24,
                gateway: Some("192.0.2.1".parse().unwrap())
            }
        );
        assert!(matches!(
            nic.ipv6,
            Ipv6::Static {
                prefix: 64,
                gateway: Some(_),
                ..
            }
        ));
        assert_eq!((nic.dns_servers.len(), nic.mtu), (2, Some(1400)));
        assert_eq!(nic.routes[0].to.to_string(), "10.0.0.0/8");
        let both = parsed("dhcp,slaac_dhcp").unwrap();
        assert_eq!((both.ipv4, both.ipv6), (Ipv4::Dhcp, Ipv6::SlaacDhcp));
        assert!(!parse_nic(MAC).unwrap().has_addresses());
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for words in [
            "",
            "dhcp4",
            "address=192.0.2.5",
            "address=192.0.2.5/24,dhcp",
            "slaac,dhcpv6",
            "gateway=192.0.2.1",
            "dhcp,gateway=192.0.2.1",
            "address=192.0.2.5/24,gateway=192.0.2.1,gateway=192.0.2.2",
            "dns=localhost",
            "search=a b",
            "mtu=+1400",
            "mtu=20",
            "slaac,mtu=1000",
            "route=10.0.0.0/8",
            "mac=52:54:00:12:34:57",
            "name=eth0",
        ] {
            assert!(parsed(words).is_err(), "{words}");
        }
        assert!(matches!(parse_nic("dhcp"), Err(NicArgumentError::NoMac(_))));
    }

    #[test]
    fn properties_win_and_leave_an_interface_without_addresses_without_servers() {
        let pairs = [
            ("DNS_SERVERS", "192.0.2.53"),
            ("NIC_0_IP6", "2001:db8::9"),
            ("NIC_1_MTU", "1400"),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let properties = Properties::new(pairs).unwrap();
        let mut nics = [
            parsed("address=2001:db8::5/64,gateway=fe80::1,dns=2001:db8::53").unwrap(),
            parse_nic(MAC).unwrap(),
        ];
        apply_properties(&mut nics, &properties).unwrap();
        let [first, second] = nics;
        assert_eq!(
            first.ipv6,
            Ipv6::Static {
                address: "2001:db8::9".parse().unwrap(),
                prefix: 64,
                gateway: Some("fe80::1".parse().unwrap())
            }
        );
        assert_eq!(first.dns_servers, ["192.0.2.53".parse::<IpAddr>().unwrap()]);
        assert_eq!((second.dns_servers.len(), second.mtu), (0, Some(1400)));
    }
}
