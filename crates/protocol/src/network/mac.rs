//! The hardware address of an Ethernet interface.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The bit of the first byte that marks an address of many machines (IEEE 802).
const GROUP: u8 = 1;

/// Six bytes, written in lower case with colons between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MacAddress([u8; 6]);

/// Not the address of one interface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a MAC address: it is six bytes in hexadecimal with colons between, such as \
     52:54:00:12:34:56, the first of them even"
)]
pub struct MacError(String);

impl MacAddress {
    /// Its bytes.
    #[must_use]
    pub fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// The address that an interface gives itself in a network of 64 bits: modified EUI-64,
    /// RFC 4291, appendix A.
    #[must_use]
    pub fn in_network(self, network: Ipv6Addr) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.0;
        let identifier = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
        let upper = network.to_bits() & !u128::from(u64::MAX);
        Ipv6Addr::from_bits(upper | u128::from(identifier))
    }
}

impl FromStr for MacAddress {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, MacError> {
        let refuse = || MacError(text.chars().take(40).collect());
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2);
            let part = part.filter(|part| part.bytes().all(|sign| sign.is_ascii_hexdigit()));
            *byte = part
                .and_then(|part| u8::from_str_radix(part, 16).ok())
                .ok_or_else(refuse)?;
        }
        let [first, ..] = bytes;
        if parts.next().is_some() || first & GROUP != 0 || bytes == [0; 6] {
            return Err(refuse());
        }
        Ok(MacAddress(bytes))
    }
}

impl TryFrom<String> for MacAddress {
    type Error = MacError;
    fn try_from(text: String) -> Result<Self, MacError> {
        text.parse()
    }
}

impl From<MacAddress> for String {
    fn from(address: MacAddress) -> String {
        address.to_string()
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(formatter, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_bytes_are_an_address_in_any_case() {
        let mac: MacAddress = "AA:00:00:6e:43:Ca".parse().unwrap();
        assert_eq!(mac.to_string(), "aa:00:00:6e:43:ca");
        for text in [
            "",
            "aa:00:00:6e:43",
            "aa:00:00:6e:43:ca:00",
            "aa-00-00-6e-43-ca",
            "aa:00:00:6e:43:+a",
            "aa:00:00:6e:43:c",
            "01:00:5e:00:00:01",
            "00:00:00:00:00:00",
        ] {
            assert!(text.parse::<MacAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_interface_has_the_address_that_the_kernel_gives_it() {
        let mac: MacAddress = "52:54:00:12:34:56".parse().unwrap();
        let address = mac.in_network("2001:db8:1:2::".parse().unwrap());
        assert_eq!(address.to_string(), "2001:db8:1:2:5054:ff:fe12:3456");
    }
}
