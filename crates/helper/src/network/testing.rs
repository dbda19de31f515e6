//! Interfaces of every kind, for the tests of the renderers.
// SPDX-License-Identifier: BSD-2-Clause

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use snf_image_protocol::{Domain, Ipv4, Ipv6, MacAddress, Network, Nic, Route};

use super::facts::{Facts, Resolver};
use super::plan::Plan;

/// An image with udev and a plain resolv.conf.
pub(crate) const FACTS: Facts = Facts {
    has_udev: true,
    resolver: Resolver::File,
    has_interfaces_d: true,
    is_busybox: false,
};

fn mac(last: u8) -> MacAddress {
    format!("52:54:00:12:34:{last:02x}").parse().unwrap()
}

fn static4(address: &str, gateway: Option<&str>) -> Ipv4 {
    let network: Network = address.parse().unwrap();
    let IpAddr::V4(address) = network.address() else {
        panic!("{address}")
    };
    Ipv4::Static {
        address,
        prefix: network.prefix(),
        gateway: gateway.map(|gateway| gateway.parse().unwrap()),
    }
}

fn static6(address: &str, gateway: Option<&str>) -> Ipv6 {
    let network: Network = address.parse().unwrap();
    let IpAddr::V6(address) = network.address() else {
        panic!("{address}")
    };
    Ipv6::Static {
        address,
        prefix: network.prefix(),
        gateway: gateway.map(|gateway| gateway.parse().unwrap()),
    }
}

fn route(to: &str, via: &str) -> Route {
    Route {
        to: to.parse().unwrap(),
        via: via.parse().unwrap(),
    }
}

/// DHCP alone.
pub(crate) fn dhcp() -> Vec<Nic> {
    vec![Nic {
        ipv4: Ipv4::Dhcp,
        ..Nic::new(mac(0x56))
    }]
}

/// Both families with everything that can be said.
pub(crate) fn full() -> Vec<Nic> {
    vec![Nic {
        ipv4: static4("192.0.2.5/24", Some("192.0.2.1")),
        ipv6: static6("2001:db8::5/64", Some("2001:db8::1")),
        mtu: Some(1400),
        dns_servers: vec![
            "192.0.2.53".parse().unwrap(),
            "2001:db8::53".parse().unwrap(),
        ],
        dns_search: ["example.org", "example.net"]
            .map(|name| Domain::new(name).unwrap())
            .into(),
        routes: vec![
            route("10.0.0.0/8", "192.0.2.9"),
            route("2001:db8:1::/48", "2001:db8::9"),
        ],
        ..Nic::new(mac(0x56))
    }]
}

/// Addresses that are alone in their networks.
pub(crate) fn on_link() -> Vec<Nic> {
    vec![Nic {
        ipv4: static4("192.0.2.5/32", Some("198.51.100.1")),
        ipv6: static6("2001:db8::5/128", Some("2001:db8:ffff::1")),
        ..Nic::new(mac(0x56))
    }]
}

/// Several interfaces, one of them without addresses.
pub(crate) fn several() -> Vec<Nic> {
    vec![
        Nic {
            ipv4: static4("192.0.2.5/24", Some("192.0.2.1")),
            ..Nic::new(mac(1))
        },
        Nic::new(mac(2)),
        Nic {
            ipv4: Ipv4::Dhcp,
            ipv6: Ipv6::SlaacDhcp,
            mtu: Some(9000),
            ..Nic::new(mac(3))
        },
        Nic {
            ipv6: Ipv6::Slaac,
            ..Nic::new(mac(4))
        },
        Nic {
            ipv6: Ipv6::Dhcp,
            ..Nic::new(mac(5))
        },
        Nic {
            ipv6: static6("2001:db8::6/64", Some("fe80::1")),
            ..Nic::new(mac(6))
        },
    ]
}

/// Everything that a plan holds, as one text.
pub(crate) fn shown(plan: &Plan) -> String {
    let mut text = String::new();
    for file in &plan.files {
        text += &format!("--- {} {:o}\n{}", file.path, file.mode, file.content);
    }
    for link in &plan.links {
        text += &format!("--- {} -> {}\n", link.path, link.target);
    }
    text
}

fn any_ipv4() -> impl Strategy<Value = Ipv4> {
    let address = (1u8..224, any::<[u8; 3]>())
        .prop_filter("loopback", |(first, _)| *first != 127)
        .prop_map(|(first, [b, c, d])| Ipv4Addr::new(first, b, c, d));
    prop_oneof![
        Just(Ipv4::None),
        Just(Ipv4::Dhcp),
        (address.clone(), 1u8..=32, proptest::option::of(address)).prop_map(
            |(address, prefix, gateway)| Ipv4::Static {
                address,
                prefix,
                gateway
            }
        )
    ]
}

fn any_address6() -> impl Strategy<Value = Ipv6Addr> {
    any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits >> 3 | 1 << 125))
}

fn any_ipv6() -> impl Strategy<Value = Ipv6> {
    prop_oneof![
        Just(Ipv6::None),
        Just(Ipv6::Slaac),
        Just(Ipv6::SlaacDhcp),
        Just(Ipv6::Dhcp),
        (
            any_address6(),
            1u8..=128,
            proptest::option::of(any_address6())
        )
            .prop_map(|(address, prefix, gateway)| Ipv6::Static {
                address,
                prefix,
                gateway
            })
    ]
}

/// Any list of interfaces that a host may send.
pub(crate) fn any_nics() -> impl Strategy<Value = Vec<Nic>> {
    let server = prop_oneof![
        (1u8..127, any::<[u8; 3]>())
            .prop_map(|(a, [b, c, d])| IpAddr::from(Ipv4Addr::new(a, b, c, d))),
        any_address6().prop_map(IpAddr::from)
    ];
    let route = (any_address6(), 1u8..=128, any_address6()).prop_map(|(to, prefix, via)| Route {
        to: format!("{to}/{prefix}")
            .parse::<Network>()
            .unwrap()
            .masked(),
        via: via.into(),
    });
    let nic = (
        any_ipv4(),
        any_ipv6(),
        proptest::option::of(1280u32..65535),
        proptest::collection::vec(server, 0..4),
        proptest::collection::vec("[a-z0-9]{1,9}(\\.[a-z]{2,5}){0,2}", 0..3),
        proptest::collection::vec(route, 0..3),
    );
    proptest::collection::vec(nic, 1..4).prop_map(|nics| {
        let mut list = Vec::new();
        for (index, (ipv4, ipv6, mtu, dns_servers, domains, routes)) in nics.into_iter().enumerate()
        {
            let has_ipv6 = ipv6 != Ipv6::None;
            let nic = Nic {
                ipv4,
                ipv6,
                mtu,
                dns_servers,
                dns_search: domains
                    .iter()
                    .map(|name| Domain::new(name).unwrap())
                    .collect(),
                routes: if has_ipv6 { routes } else { Vec::new() },
                ..Nic::new(mac(u8::try_from(index).unwrap()))
            };
            nic.check().unwrap();
            list.push(nic);
        }
        list
    })
}

/// The stories of a renderer: a snapshot of what it writes for interfaces of each kind, and no panic.
macro_rules! interfaces_of_every_kind {
    (|$nics:ident| $render:expr) => {
        fn written($nics: &[Nic]) -> String {
            $crate::network::testing::shown(&$render)
        }

        #[test]
        fn by_dhcp() {
            insta::assert_snapshot!(written(&$crate::network::testing::dhcp()));
        }

        #[test]
        fn with_everything_that_can_be_said() {
            insta::assert_snapshot!(written(&$crate::network::testing::full()));
        }

        #[test]
        fn with_gateways_outside_their_networks() {
            insta::assert_snapshot!(written(&$crate::network::testing::on_link()));
        }

        #[test]
        fn several_of_them() {
            insta::assert_snapshot!(written(&$crate::network::testing::several()));
        }

        proptest::proptest! {
            #[test]
            fn no_interfaces_make_it_panic(nics in $crate::network::testing::any_nics()) {
                let _ = written(&nics);
            }
        }
    };
}

pub(crate) use interfaces_of_every_kind;
