//! Interfaces as Ganeti tells of them, and what becomes of each.
// SPDX-License-Identifier: BSD-2-Clause

use super::*;
use crate::config::Settings;

const MAC: &str = "aa:00:00:6e:43:ca";

/// An interface with these variables, `NIC_0_` left out.
fn nic(variables: &[(&str, &str)]) -> environment::Nic {
    let value = |wanted: &str| {
        let found = variables.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| *value)
    };
    environment::Nic {
        mac: MAC.parse().unwrap(),
        ip: value("IP").map(|ip| ip.parse().unwrap()),
        frontend: value("FRONTEND_TYPE").map(str::to_owned),
        mode: None,
        link: None,
        network: None,
        subnet: value("SUBNET").map(|subnet| subnet.parse().unwrap()),
        gateway: value("GATEWAY").map(|gateway| gateway.parse().unwrap()),
        subnet6: value("SUBNET6").map(|subnet| subnet.parse().unwrap()),
        gateway6: value("GATEWAY6").map(|gateway| gateway.parse().unwrap()),
        tags: value("TAGS")
            .unwrap_or_default()
            .split_whitespace()
            .map(Into::into)
            .collect(),
    }
}

fn decided(nics: &[&[(&str, &str)]], setting: &str, properties: &[(&str, &str)]) -> Decided {
    let mut settings = Settings::default();
    if let Some((name, value)) = setting.split_once('=') {
        assert!(settings.set(name, value).unwrap());
    }
    let pairs = properties
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    let nics: Vec<_> = nics.iter().map(|variables| nic(variables)).collect();
    decide(&nics, &settings.network, &Properties::new(pairs).unwrap()).unwrap()
}

fn one_of(variables: &[(&str, &str)]) -> Nic {
    let [nic] = <[Nic; 1]>::try_from(decided(&[variables], "", &[]).nics).unwrap();
    nic
}

const V4: [(&str, &str); 3] = [
    ("IP", "192.0.2.5"),
    ("SUBNET", "192.0.2.0/24"),
    ("GATEWAY", "192.0.2.1"),
];

#[test]
fn ipv4_is_static_unless_a_tag_or_a_missing_subnet_says_dhcp() {
    let fixed = Ipv4::Static {
        address: "192.0.2.5".parse().unwrap(),
        prefix: 24,
        gateway: Some("192.0.2.1".parse().unwrap()),
    };
    assert_eq!(one_of(&V4).ipv4, fixed);
    assert_eq!(one_of(&V4).ipv6, Ipv6::None);
    let tagged = |tags| [&V4[..], &[("TAGS", tags)]].concat();
    for tags in ["dhcp", "x nfdhcpd", "auto"] {
        assert_eq!(one_of(&tagged(tags)).ipv4, Ipv4::Dhcp, "{tags}");
    }
    for tags in ["dhcpx", "DHCP", "dhcpv6"] {
        assert_eq!(one_of(&tagged(tags)).ipv4, fixed, "{tags}");
    }
    let no_subnet = one_of(&[("IP", "192.0.2.5")]);
    assert_eq!((no_subnet.ipv4, no_subnet.is_asked_for), (Ipv4::Dhcp, true));
}

#[test]
fn ipv6_goes_by_the_gateway_and_the_last_tag() {
    let with = |tags| one_of(&[("GATEWAY6", "2001:db8::1"), ("TAGS", tags)]).ipv6;
    for (tags, expected) in [
        ("", Ipv6::Slaac),
        ("other", Ipv6::Slaac),
        ("dhcpv6", Ipv6::Dhcp),
        ("stateful_dhcpv6", Ipv6::Dhcp),
        ("stateless_dhcpv6", Ipv6::SlaacDhcp),
        ("nfdhcpd", Ipv6::SlaacDhcp),
        ("stateless_dhcpv6 dhcpv6", Ipv6::Dhcp),
        ("dhcpv6 nfdhcpd other", Ipv6::SlaacDhcp),
    ] {
        assert_eq!(with(tags), expected, "{tags}");
    }
    let subnet_alone = one_of(&[("IP", "192.0.2.5"), ("SUBNET6", "2001:db8::/64")]);
    assert_eq!(subnet_alone.ipv6, Ipv6::None);
    let both = decided(
        &[&[("GATEWAY6", "2001:db8::1"), ("TAGS", "mine")]],
        "STATEFUL_DHCPV6_TAGS=mine",
        &[],
    );
    assert_eq!(both.nics[0].ipv6, Ipv6::Dhcp);
}

#[test]
fn an_ipv6_address_can_be_given_three_ways() {
    let fixed = |address: &str, prefix, gateway: Option<&str>| Ipv6::Static {
        address: address.parse().unwrap(),
        prefix,
        gateway: gateway.map(|gateway| gateway.parse().unwrap()),
    };
    let network = [("SUBNET6", "2001:db8::/64"), ("GATEWAY6", "fe80::1")];
    let tagged = [&network[..], &[("TAGS", "static_ipv6")]].concat();
    assert_eq!(
        one_of(&tagged).ipv6,
        fixed("2001:db8::a800:ff:fe6e:43ca", 64, Some("fe80::1"))
    );
    let own = [&network[..], &[("IP", "2001:db8::5")]].concat();
    let nic = one_of(&own);
    assert_eq!(nic.ipv6, fixed("2001:db8::5", 64, Some("fe80::1")));
    assert_eq!(nic.ipv4, Ipv4::None);
    assert_eq!(
        one_of(&[("IP", "2001:db8::5")]).ipv6,
        fixed("2001:db8::5", 128, None)
    );
    let property = decided(&[&network], "", &[("NIC_0_IP6", "2001:db8::7")]);
    assert_eq!(
        property.nics[0].ipv6,
        fixed("2001:db8::7", 64, Some("fe80::1"))
    );
}

#[test]
fn the_only_interface_without_an_address_gets_the_default() {
    for (value, ipv4, ipv6) in [
        ("dhcp", Ipv4::Dhcp, Ipv6::None),
        ("dhcp+slaac_dhcp", Ipv4::Dhcp, Ipv6::SlaacDhcp),
        ("slaac", Ipv4::None, Ipv6::Slaac),
    ] {
        let decided = decided(&[&[]], &format!("DEFAULT_NIC_CONFIG={value}"), &[]);
        let [nic] = decided.nics.as_slice() else {
            panic!("{decided:?}")
        };
        assert_eq!((nic.ipv4, nic.ipv6), (ipv4, ipv6), "{value}");
        assert!(!nic.is_asked_for);
    }
    let left_alone = decided(&[&[]], "DEFAULT_NIC_CONFIG=", &[]);
    assert!(left_alone.nics.is_empty() && left_alone.warnings.len() == 1);
    let two = decided(&[&[], &V4], "", &[]);
    assert_eq!(two.nics[0].ipv4, Ipv4::None);
    assert!(!two.nics[0].is_asked_for && two.nics[1].is_asked_for);
    assert!(decided(&[], "", &[]).nics.is_empty());
}

#[test]
fn tags_say_what_ganeti_has_no_field_for_and_properties_win() {
    let tags = "mtu:1400 dns:192.0.2.53 dns:2001:db8::53 search:example.org \
                route:10.0.0.0/8@192.0.2.9 owner:me";
    let variables = [&V4[..], &[("TAGS", tags)]].concat();
    let nic = one_of(&variables);
    assert_eq!((nic.mtu, nic.dns_servers.len()), (Some(1400), 2));
    assert_eq!(nic.dns_search[0].as_str(), "example.org");
    assert_eq!(nic.routes[0].to.to_string(), "10.0.0.0/8");
    let won = decided(&[&variables], "", &[("MTU", "1300"), ("DNS_SERVERS", "")]);
    assert!(won.warnings.is_empty());
    assert_eq!(won.nics[0].mtu, Some(1300));
    assert!(won.nics[0].dns_servers.is_empty());
    let strange = [&V4[..], &[("TAGS", "mtu:big dns:resolver route:x")]].concat();
    assert_eq!(decided(&[&strange], "", &[]).warnings.len(), 3);
}

#[test]
fn what_cannot_be_is_a_fault_that_names_the_interface() {
    let given = [nic(&[("GATEWAY6", "2001:db8::1"), ("TAGS", "mtu:1000")])];
    let settings = Settings::default().network;
    let faults = decide(&given, &settings, &Properties::default()).unwrap_err();
    let text = faults.0[0].to_string();
    assert!(
        text.contains("network interface 0") && text.contains("1000"),
        "{text}"
    );
}

#[test]
fn a_property_of_an_interface_that_is_not_there_is_a_warning() {
    let warnings = decided(&[&V4], "", &[("NIC_0_MTU", "1400"), ("NIC_5_MTU", "1400")]).warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("NIC_5_MTU"), "{warnings:?}");
}
