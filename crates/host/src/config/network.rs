//! The settings that decide how the machines' network interfaces get their addresses.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::{Ipv4, Ipv6};

/// Tags of Ganeti's networks and what they mean, and what an interface without addresses gets.
/// The defaults are those of release 0.23.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSettings {
    /// `DHCP_TAGS`: IPv4 comes by DHCP.
    pub dhcp_tags: Vec<String>,
    /// `STATEFUL_DHCPV6_TAGS`: IPv6 comes by DHCPv6.
    pub stateful_dhcpv6_tags: Vec<String>,
    /// `STATELESS_DHCPV6_TAGS`: IPv6 addresses come by SLAAC, the rest by DHCPv6.
    pub stateless_dhcpv6_tags: Vec<String>,
    /// `STATIC_IPV6_TAGS`: the IPv6 address is made of the network's and of the MAC address.
    pub static_ipv6_tags: Vec<String>,
    /// `DEFAULT_NIC_CONFIG`: for the only interface of an instance when it has no address;
    /// `None` leaves the image's configuration as it is.
    pub default_nic: Option<DefaultNic>,
}

/// How an interface that nobody gave an address is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultNic {
    /// By DHCP, or not at all.
    pub dhcp: bool,
    /// By what of IPv6 that needs no address.
    pub ipv6: AutoIpv6,
}

/// A way to an IPv6 address that nobody has to know before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoIpv6 {
    /// None.
    None,
    /// `slaac`
    Slaac,
    /// `slaac_dhcp`
    SlaacDhcp,
    /// `dhcpv6`
    Dhcp,
}

impl AutoIpv6 {
    /// Reads the word for one.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "slaac" => AutoIpv6::Slaac,
            "slaac_dhcp" => AutoIpv6::SlaacDhcp,
            "dhcpv6" => AutoIpv6::Dhcp,
            _ => return None,
        })
    }

    fn word(self) -> Option<&'static str> {
        match self {
            AutoIpv6::None => None,
            AutoIpv6::Slaac => Some("slaac"),
            AutoIpv6::SlaacDhcp => Some("slaac_dhcp"),
            AutoIpv6::Dhcp => Some("dhcpv6"),
        }
    }
}

impl From<AutoIpv6> for Ipv6 {
    fn from(auto: AutoIpv6) -> Ipv6 {
        match auto {
            AutoIpv6::None => Ipv6::None,
            AutoIpv6::Slaac => Ipv6::Slaac,
            AutoIpv6::SlaacDhcp => Ipv6::SlaacDhcp,
            AutoIpv6::Dhcp => Ipv6::Dhcp,
        }
    }
}

impl DefaultNic {
    /// IPv4 of such an interface.
    #[must_use]
    pub fn ipv4(self) -> Ipv4 {
        if self.dhcp { Ipv4::Dhcp } else { Ipv4::None }
    }
}

impl Default for NetworkSettings {
    fn default() -> Self {
        let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
        NetworkSettings {
            dhcp_tags: tags(&["auto", "dhcp", "nfdhcpd"]),
            stateful_dhcpv6_tags: tags(&["dhcpv6", "stateful_dhcpv6"]),
            stateless_dhcpv6_tags: tags(&["nfdhcpd", "stateless_dhcpv6"]),
            static_ipv6_tags: tags(&["static_ipv6"]),
            default_nic: Some(DefaultNic {
                dhcp: true,
                ipv6: AutoIpv6::None,
            }),
        }
    }
}

impl NetworkSettings {
    /// Changes one of these settings. Gives `false` for another name.
    ///
    /// # Errors
    /// What the setting takes, when it does not take the value.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<bool, &'static str> {
        let tags = || value.split_ascii_whitespace().map(Into::into).collect();
        match name {
            "DHCP_TAGS" => self.dhcp_tags = tags(),
            "STATEFUL_DHCPV6_TAGS" => self.stateful_dhcpv6_tags = tags(),
            "STATELESS_DHCPV6_TAGS" => self.stateless_dhcpv6_tags = tags(),
            "STATIC_IPV6_TAGS" => self.static_ipv6_tags = tags(),
            "DEFAULT_NIC_CONFIG" => self.default_nic = default_nic(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Each by its name, in the form that it is set.
    pub(super) fn show(&self) -> Vec<(&'static str, String)> {
        let default = self.default_nic.map(|nic| {
            let dhcp = nic.dhcp.then_some("dhcp");
            let words: Vec<_> = dhcp.into_iter().chain(nic.ipv6.word()).collect();
            words.join("+")
        });
        vec![
            ("DEFAULT_NIC_CONFIG", default.unwrap_or_default()),
            ("DHCP_TAGS", self.dhcp_tags.join(" ")),
            ("STATEFUL_DHCPV6_TAGS", self.stateful_dhcpv6_tags.join(" ")),
            (
                "STATELESS_DHCPV6_TAGS",
                self.stateless_dhcpv6_tags.join(" "),
            ),
            ("STATIC_IPV6_TAGS", self.static_ipv6_tags.join(" ")),
        ]
    }
}

/// Reads nothing, `dhcp`, a word of IPv6, or `dhcp+` and one.
fn default_nic(value: &str) -> Result<Option<DefaultNic>, &'static str> {
    let expected = "it is dhcp, one of slaac, slaac_dhcp and dhcpv6, dhcp+ and one of these, or empty, which leaves the image's network configuration as it is";
    let (dhcp, word) = match value {
        "" => return Ok(None),
        "dhcp" => (true, None),
        _ => match value.strip_prefix("dhcp+") {
            Some(word) => (true, Some(word)),
            None => (false, Some(value)),
        },
    };
    let ipv6 = word.map_or(Some(AutoIpv6::None), AutoIpv6::named);
    let ipv6 = ipv6.ok_or(expected)?;
    Ok(Some(DefaultNic { dhcp, ipv6 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_of_an_interface_has_the_documented_forms() {
        for value in [
            "",
            "dhcp",
            "slaac",
            "slaac_dhcp",
            "dhcpv6",
            "dhcp+slaac",
            "dhcp+dhcpv6",
        ] {
            let mut settings = NetworkSettings::default();
            assert_eq!(settings.set("DEFAULT_NIC_CONFIG", value), Ok(true));
            let shown = settings.show();
            assert!(
                shown.contains(&("DEFAULT_NIC_CONFIG", value.into())),
                "{value}"
            );
        }
        for value in [
            "no",
            "DHCP",
            "dhcp+",
            "dhcp slaac",
            "slaac+dhcp",
            "dhcp+dhcp",
        ] {
            let set = NetworkSettings::default().set("DEFAULT_NIC_CONFIG", value);
            assert!(set.is_err(), "{value}");
        }
    }

    #[test]
    fn a_list_of_tags_may_be_empty() {
        let mut settings = NetworkSettings::default();
        settings.set("DHCP_TAGS", " a  b ").unwrap();
        settings.set("STATEFUL_DHCPV6_TAGS", "").unwrap();
        assert_eq!(settings.dhcp_tags, ["a", "b"]);
        assert!(settings.stateful_dhcpv6_tags.is_empty());
    }
}
