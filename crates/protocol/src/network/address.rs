//! A network: an address and how many of its bits count.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `ADDRESS/PREFIX`. Bits behind the prefix are kept: the same form stands for the address of
/// a machine within its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Not of that form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address with a prefix, such as 192.0.2.0/24 or 2001:db8::/64")]
pub struct AddressError(String);

impl Network {
    /// The address as it was given.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits count: at most 32, or 128 of IPv6.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// The same without the bits behind the prefix.
    #[must_use]
    pub fn masked(self) -> Self {
        let address = match self.address {
            IpAddr::V4(address) => {
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask4(self.prefix)))
            }
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask6(self.prefix)))
            }
        };
        Network { address, ..self }
    }

    /// Whether an address lies in it.
    #[must_use]
    pub fn contains(self, other: IpAddr) -> bool {
        let other = Network {
            address: other,
            ..self
        };
        other.masked().address == self.masked().address
    }
}

/// The netmask of a prefix, such as 255.255.255.0 of 24.
pub(super) fn mask4(prefix: u8) -> u32 {
    let behind = u32::from(32u8.saturating_sub(prefix));
    u32::MAX.checked_shl(behind).unwrap_or(0)
}

fn mask6(prefix: u8) -> u128 {
    let behind = u32::from(128u8.saturating_sub(prefix));
    u128::MAX.checked_shl(behind).unwrap_or(0)
}

impl FromStr for Network {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let refuse = || AddressError(text.chars().take(80).collect());
        let (address, prefix) = text.split_once('/').ok_or_else(refuse)?;
        let address: IpAddr = address.parse().map_err(|_| refuse())?;
        let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix
            .parse()
            .ok()
            .filter(|prefix| is_number && *prefix <= longest)
            .ok_or_else(refuse)?;
        Ok(Network { address, prefix })
    }
}

impl TryFrom<String> for Network {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> String {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

/// The netmask of a prefix.
#[must_use]
pub fn netmask(prefix: u8) -> Ipv4Addr {
    Ipv4Addr::from_bits(mask4(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_within_its_network_and_not_in_another_family() {
        for (inside, outside) in [
            ("192.0.2.9", "192.0.3.1"),
            ("192.0.2.0", "2001:db8::1"),
            ("192.0.2.255", "::ffff:192.0.2.1"),
        ] {
            assert!(network("192.0.2.77/24").contains(inside.parse().unwrap()));
            assert!(!network("192.0.2.77/24").contains(outside.parse().unwrap()));
        }
        assert!(network("0.0.0.0/0").contains("192.0.2.1".parse().unwrap()));
        assert!(network("2001:db8::/64").contains("2001:db8::1".parse().unwrap()));
        assert!(!network("2001:db8::/128").contains("2001:db8::1".parse().unwrap()));
        assert_eq!(network("192.0.2.77/26").masked(), network("192.0.2.64/26"));
        assert_eq!(netmask(24).to_string(), "255.255.255.0");
        assert_eq!(netmask(0).to_string(), "0.0.0.0");
        assert_eq!(netmask(32).to_string(), "255.255.255.255");
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "192.0.2.1",
            "192.0.2.1/",
            "192.0.2.1/33",
            "192.0.2.1/+8",
            "2001:db8::/129",
            "192.0.2/24",
            "a/8",
            "192.0.2.0/24/24",
            "fe80::1%eth0/64",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
