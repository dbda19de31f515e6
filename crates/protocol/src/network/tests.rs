//! What an interface may and may not ask for.
// SPDX-License-Identifier: BSD-2-Clause

use super::*;

fn nic() -> Nic {
    Nic::new("52:54:00:12:34:56".parse().unwrap())
}

fn address(text: &str, gateway: Option<&str>) -> Nic {
    let network: Network = text.parse().unwrap();
    let prefix = network.prefix();
    match network.address() {
        IpAddr::V4(address) => Nic {
            ipv4: Ipv4::Static {
                address,
                prefix,
                gateway: gateway.map(|gateway| gateway.parse().unwrap()),
            },
            ..nic()
        },
        IpAddr::V6(address) => Nic {
            ipv6: Ipv6::Static {
                address,
                prefix,
                gateway: gateway.map(|gateway| gateway.parse().unwrap()),
            },
            ..nic()
        },
    }
}

#[test]
fn a_gateway_may_lie_outside_the_network() {
    for (text, gateway) in [
        ("192.0.2.5/24", None),
        ("192.0.2.5/32", Some("198.51.100.1")),
        ("2001:db8::5/128", Some("fe80::1")),
    ] {
        assert_eq!(address(text, gateway).check(), Ok(()), "{text}");
    }
}

#[test]
fn what_no_machine_can_have_is_refused() {
    for (text, gateway) in [
        ("0.0.0.0/24", None),
        ("224.0.0.1/24", None),
        ("127.0.0.1/8", None),
        ("255.255.255.255/32", None),
        ("192.0.2.5/24", Some("0.0.0.0")),
        ("192.0.2.5/24", Some("192.0.2.5")),
        ("::/64", None),
        ("ff02::1/64", None),
        ("2001:db8::1/64", Some("::1")),
    ] {
        assert!(
            address(text, gateway).check().is_err(),
            "{text} {gateway:?}"
        );
    }
    let long = Nic {
        ipv4: Ipv4::Static {
            address: Ipv4Addr::new(192, 0, 2, 1),
            prefix: 33,
            gateway: None,
        },
        ..nic()
    };
    assert!(matches!(long.check(), Err(NicError::Prefix { .. })));
    let mixed = Nic {
        routes: vec![Route {
            to: "10.0.0.0/8".parse().unwrap(),
            via: "fe80::1".parse().unwrap(),
        }],
        ..nic()
    };
    assert!(matches!(mixed.check(), Err(NicError::Families { .. })));
}

#[test]
fn the_mtu_fits_the_protocols() {
    let with = |mtu, ipv6| Nic {
        mtu: Some(mtu),
        ipv6,
        ..nic()
    };
    assert_eq!(with(576, Ipv6::None).check(), Ok(()));
    assert_eq!(with(9000, Ipv6::Slaac).check(), Ok(()));
    for (mtu, ipv6) in [(67, Ipv6::None), (65536, Ipv6::None), (1279, Ipv6::Slaac)] {
        assert_eq!(with(mtu, ipv6).check(), Err(NicError::Mtu(mtu)));
    }
}

#[test]
fn a_domain_is_one_word_that_no_file_takes_for_more() {
    assert_eq!(Domain::new("example.org.").unwrap().as_str(), "example.org");
    assert!(Domain::new("_tcp.example.org").is_ok());
    for name in [
        "", ".", "a b", "a\nb", "a'b", "-a", "a..b", "a/b", "a;b", "$a",
    ] {
        assert!(Domain::new(name).is_err(), "{name:?}");
    }
}

#[test]
fn an_interface_survives_the_way_to_the_helper() {
    let nic = Nic {
        mtu: Some(1400),
        dns_servers: vec!["2001:db8::53".parse().unwrap()],
        dns_search: vec![Domain::new("example.org").unwrap()],
        routes: vec![Route {
            to: "10.0.0.0/8".parse().unwrap(),
            via: "192.0.2.9".parse().unwrap(),
        }],
        frontend: Some("paravirtual".into()),
        ..address("192.0.2.5/24", Some("192.0.2.1"))
    };
    let json = serde_json::to_string(&nic).unwrap();
    assert_eq!(serde_json::from_str::<Nic>(&json).unwrap(), nic);
}
