//! One word of FETCH_ALLOW or FETCH_DENY: a host, a domain, a range of addresses, or everything.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which hosts or addresses are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// `*`: all.
    Everything,
    /// `images.example.org`: the host of this name.
    Host(String),
    /// `.example.org`: every host below this domain; without the dot here.
    Domain(String),
    /// `192.0.2.0/24`: the addresses whose first bits are these.
    Range {
        /// Any address of it.
        address: IpAddr,
        /// How many bits.
        bits: u8,
    },
}

/// It is none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a host, a domain with a dot before it, a range of addresses such as 10.0.0.0/8, or *")]
pub struct RuleError;

impl Rule {
    /// Whether the host of this name, in lower case, is meant.
    #[must_use]
    pub fn names(&self, host: &str) -> bool {
        match self {
            Rule::Host(name) => host == name,
            Rule::Domain(domain) => {
                (host.strip_suffix(domain.as_str())).is_some_and(|front| front.ends_with('.'))
            }
            Rule::Everything | Rule::Range { .. } => false,
        }
    }

    /// Whether the address lies in the range.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match self {
            Rule::Range {
                address: of_range,
                bits,
            } => same_bits(*of_range, address, *bits),
            Rule::Everything | Rule::Host(_) | Rule::Domain(_) => false,
        }
    }
}

/// Whether two addresses of one version begin with the same bits.
pub(crate) fn same_bits(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let bits = u32::from(bits);
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (one.to_bits() ^ other.to_bits()).leading_zeros() >= bits
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            (one.to_bits() ^ other.to_bits()).leading_zeros() >= bits
        }
        _ => false,
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        if text == "*" {
            return Ok(Rule::Everything);
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().map_err(|_| RuleError)?)),
            None => (text, None),
        };
        if let Ok(address) = address.parse::<IpAddr>() {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits: u8 = bits.unwrap_or(most);
            return (bits <= most)
                .then_some(Rule::Range { address, bits })
                .ok_or(RuleError);
        }
        let text = text.to_ascii_lowercase();
        let (domain, name) = match text.strip_prefix('.') {
            Some(domain) => (true, domain),
            None => (false, text.as_str()),
        };
        let is_label = |label: &str| {
            !label.is_empty()
                && (label.bytes())
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if !name.split('.').all(is_label) {
            return Err(RuleError);
        }
        Ok(if domain {
            Rule::Domain(name.into())
        } else {
            Rule::Host(name.into())
        })
    }
}

/// As it is written in the configuration.
impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Everything => formatter.write_str("*"),
            Rule::Host(name) => formatter.write_str(name),
            Rule::Domain(domain) => write!(formatter, ".{domain}"),
            Rule::Range { address, bits } => write!(formatter, "{address}/{bits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        text.parse().unwrap()
    }

    #[test]
    fn names_and_ranges_hold_what_they_say() {
        assert!(rule("example.org").names("example.org"));
        assert!(!rule("example.org").names("www.example.org"));
        assert!(rule(".Example.org").names("www.example.org"));
        assert!(!rule(".example.org").names("example.org"));
        assert!(!rule(".example.org").names("badexample.org"));
        for (range, address, held) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.6", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
        ] {
            assert_eq!(rule(range).holds(address.parse().unwrap()), held, "{range}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            ".",
            "a..b",
            "10.0.0.0/33",
            "10.0.0.0/x",
            "::/129",
            "a/8",
            "a b",
            "*.x",
        ] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_read_again() {
        for text in ["*", "example.org", ".example.org", "10.0.0.0/8", "fd00::/8"] {
            assert_eq!(rule(text).to_string(), text);
        }
    }
}
