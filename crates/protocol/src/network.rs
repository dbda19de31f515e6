//! The machine's network interfaces, as the host has decided on them.
// SPDX-License-Identifier: BSD-2-Clause

mod address;
mod mac;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

pub use address::{AddressError, Network, netmask};
pub use mac::{MacAddress, MacError};

/// The most interfaces of one machine.
pub const MAX_NICS: usize = 64;

/// The most DNS servers, search domains or routes of one interface.
pub const MAX_LIST: usize = 32;

/// The smallest and the largest MTU in bytes: RFC 791 asks for 68, and a length field of 16 bits
/// holds no more.
const MTUS: std::ops::RangeInclusive<u32> = 68..=65535;

/// The smallest MTU in bytes of a link that carries IPv6 (RFC 8200, section 5).
const MIN_MTU_IPV6: u32 = 1280;

/// One network interface. Its place in the list is its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nic {
    /// By what the guest recognises it.
    pub mac: MacAddress,
    /// What the hypervisor shows to the guest, such as `paravirtual` or `e1000`: some systems
    /// name their interfaces after the driver.
    pub frontend: Option<String>,
    /// Whether somebody asked for these addresses; else they are a default, which an image may
    /// be unable to take.
    pub is_asked_for: bool,
    /// IPv4.
    pub ipv4: Ipv4,
    /// IPv6.
    pub ipv6: Ipv6,
    /// The MTU in bytes; without it the guest's own.
    pub mtu: Option<u32>,
    /// DNS servers, the first first.
    pub dns_servers: Vec<IpAddr>,
    /// Domains in which names without a dot are looked up.
    pub dns_search: Vec<Domain>,
    /// Routes beside those by the gateways.
    pub routes: Vec<Route>,
}

/// How an interface gets its IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ipv4 {
    /// Not at all.
    None,
    /// From a DHCP server.
    Dhcp,
    /// This one.
    Static {
        /// The address.
        address: Ipv4Addr,
        /// How many bits of it name the network.
        prefix: u8,
        /// The default gateway, which may lie outside the network.
        gateway: Option<Ipv4Addr>,
    },
}

/// How an interface gets its IPv6 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ipv6 {
    /// Not at all.
    None,
    /// From the routers of the network (RFC 4862).
    Slaac,
    /// Likewise, and the rest from a DHCPv6 server (stateless, RFC 8415 section 6.1).
    SlaacDhcp,
    /// From a DHCPv6 server (stateful).
    Dhcp,
    /// This one.
    Static {
        /// The address.
        address: Ipv6Addr,
        /// How many bits of it name the network.
        prefix: u8,
        /// The default gateway, which may lie outside the network.
        gateway: Option<Ipv6Addr>,
    },
}

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Where it leads.
    pub to: Network,
    /// By which router; it is on the link.
    pub via: IpAddr,
}

/// A domain of DNS, RFC 1123; underscores are let through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

/// Why an interface cannot be configured so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NicError {
    /// A prefix longer than the address.
    #[error("{address}/{prefix} is not valid: the prefix is longer than the address")]
    Prefix {
        /// The address.
        address: IpAddr,
        /// What was given.
        prefix: u8,
    },
    /// An address that no machine can have, or no router.
    #[error("{0} is not an address of one machine")]
    Address(IpAddr),
    /// A gateway that is the machine itself.
    #[error("the gateway {0} is the interface's own address")]
    Own(IpAddr),
    /// An MTU out of range.
    #[error("MTU {0} is not valid: it is a number from 68, with IPv6 from 1280, to 65535")]
    Mtu(u32),
    /// A route whose ends are of two families.
    #[error("the route to {to} by {via} mixes IPv4 and IPv6")]
    Families {
        /// Where it leads.
        to: Network,
        /// The router.
        via: IpAddr,
    },
    /// Not a domain.
    #[error("{0:?} is not the name of a domain")]
    Domain(String),
    /// Too much of something.
    #[error("more than 32 DNS servers, search domains or routes")]
    TooMany,
}

impl Nic {
    /// One without addresses.
    #[must_use]
    pub fn new(mac: MacAddress) -> Self {
        Nic {
            mac,
            frontend: None,
            is_asked_for: true,
            ipv4: Ipv4::None,
            ipv6: Ipv6::None,
            mtu: None,
            dns_servers: Vec::new(),
            dns_search: Vec::new(),
            routes: Vec::new(),
        }
    }

    /// Whether it gets any address.
    #[must_use]
    pub fn has_addresses(&self) -> bool {
        self.ipv4 != Ipv4::None || self.ipv6 != Ipv6::None
    }

    /// Checks what the types leave open.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self) -> Result<(), NicError> {
        if let Ipv4::Static {
            address,
            prefix,
            gateway,
        } = self.ipv4
        {
            is_host(address.into(), prefix, 32)?;
            is_gateway(gateway.map(IpAddr::from), address.into(), 32)?;
        }
        if let Ipv6::Static {
            address,
            prefix,
            gateway,
        } = self.ipv6
        {
            is_host(address.into(), prefix, 128)?;
            is_gateway(gateway.map(IpAddr::from), address.into(), 128)?;
        }
        for server in &self.dns_servers {
            if server.is_unspecified() || server.is_multicast() {
                return Err(NicError::Address(*server));
            }
        }
        if let Some(mtu) = self.mtu {
            let fits = self.ipv6 == Ipv6::None || mtu >= MIN_MTU_IPV6;
            if !MTUS.contains(&mtu) || !fits {
                return Err(NicError::Mtu(mtu));
            }
        }
        for Route { to, via } in &self.routes {
            if to.address().is_ipv4() != via.is_ipv4() {
                return Err(NicError::Families { to: *to, via: *via });
            }
            let longest = if via.is_ipv4() { 32 } else { 128 };
            is_host(*via, longest, longest)?;
        }
        let lists = [
            self.dns_servers.len(),
            self.dns_search.len(),
            self.routes.len(),
        ];
        if lists.iter().any(|length| *length > MAX_LIST) {
            return Err(NicError::TooMany);
        }
        Ok(())
    }
}

fn is_host(address: IpAddr, prefix: u8, longest: u8) -> Result<(), NicError> {
    if prefix > longest {
        return Err(NicError::Prefix { address, prefix });
    }
    let is_broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() || is_broadcast {
        return Err(NicError::Address(address));
    }
    Ok(())
}

fn is_gateway(gateway: Option<IpAddr>, own: IpAddr, longest: u8) -> Result<(), NicError> {
    match gateway {
        Some(gateway) if gateway == own => Err(NicError::Own(gateway)),
        Some(gateway) => is_host(gateway, longest, longest),
        None => Ok(()),
    }
}

impl Domain {
    /// Checks and takes over a name; a dot at its end is taken off.
    ///
    /// # Errors
    /// When it breaks a rule of RFC 1123.
    pub fn new(name: &str) -> Result<Self, NicError> {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let bare = name.strip_suffix('.').unwrap_or(name);
        if bare.len() <= 253 && bare.split('.').all(is_label) {
            Ok(Domain(bare.into()))
        } else {
            Err(NicError::Domain(name.chars().take(80).collect()))
        }
    }

    /// The name, without a dot at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Domain {
    type Error = NicError;
    fn try_from(name: String) -> Result<Self, NicError> {
        Domain::new(&name)
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> String {
        domain.0
    }
}

#[cfg(test)]
mod tests;
