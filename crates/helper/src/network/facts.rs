//! What a renderer has to know of the image, and what follows from an interface alone.
// SPDX-License-Identifier: BSD-2-Clause

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use snf_image_protocol::{Ipv4, Ipv6, Network, Nic, Route};

/// How a program of the image finds its DNS servers, where its network system does not tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolver {
    /// By the plain file resolv.conf(5).
    File,
    /// By systemd-resolved, to whose file resolv.conf leads.
    Resolved,
    /// By resolvconf(8), which the network system calls.
    Resolvconf,
    /// By a link that somebody else looks after.
    Unknown,
}

/// What the image is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Whether udev names the interfaces; else the kernel does, in the order of the interfaces.
    pub has_udev: bool,
    /// How DNS servers are found.
    pub resolver: Resolver,
    /// Whether `/etc/network/interfaces.d` is there.
    pub has_interfaces_d: bool,
    /// Whether ifupdown is that of busybox, which knows fewer words.
    pub is_busybox: bool,
}

/// A route to the default gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gateway<A> {
    /// The router.
    pub address: A,
    /// It lies outside the interface's network, so that a route has to say that it is on the
    /// link.
    pub is_outside: bool,
}

/// The IPv4 gateway of an interface.
#[must_use]
pub fn gateway4(nic: &Nic) -> Option<Gateway<Ipv4Addr>> {
    let Ipv4::Static {
        address,
        prefix,
        gateway,
    } = nic.ipv4
    else {
        return None;
    };
    let gateway = gateway?;
    Some(Gateway {
        address: gateway,
        is_outside: !is_within(address.into(), prefix, gateway.into()),
    })
}

/// The IPv6 gateway of an interface. A link-local one is on the link by itself.
#[must_use]
pub fn gateway6(nic: &Nic) -> Option<Gateway<Ipv6Addr>> {
    let Ipv6::Static {
        address,
        prefix,
        gateway,
    } = nic.ipv6
    else {
        return None;
    };
    let gateway = gateway?;
    let is_within = is_within(address.into(), prefix, gateway.into());
    Some(Gateway {
        address: gateway,
        is_outside: !is_within && !gateway.is_unicast_link_local(),
    })
}

/// Whether a gateway lies in the network of an address that is not alone in it.
fn is_within(address: IpAddr, prefix: u8, gateway: IpAddr) -> bool {
    // The prefix was checked when the interface was read.
    let network = format!("{address}/{prefix}").parse::<Network>();
    network.is_ok_and(|network| network.contains(gateway)) && address != gateway
}

/// An interface's routes of one family.
pub fn routes(nic: &Nic, is_ipv4: bool) -> impl Iterator<Item = &Route> {
    nic.routes
        .iter()
        .filter(move |route| route.via.is_ipv4() == is_ipv4)
}

/// An interface's DNS servers of one family, as words.
#[must_use]
pub fn servers(nic: &Nic, is_ipv4: bool) -> Vec<String> {
    nic.dns_servers
        .iter()
        .filter(|server| server.is_ipv4() == is_ipv4)
        .map(ToString::to_string)
        .collect()
}

/// An interface's static IPv4 address with its prefix.
#[must_use]
pub fn address4(nic: &Nic) -> Option<String> {
    match nic.ipv4 {
        Ipv4::Static {
            address, prefix, ..
        } => Some(format!("{address}/{prefix}")),
        Ipv4::None | Ipv4::Dhcp => None,
    }
}

/// An interface's static IPv6 address with its prefix.
#[must_use]
pub fn address6(nic: &Nic) -> Option<String> {
    match nic.ipv6 {
        Ipv6::Static {
            address, prefix, ..
        } => Some(format!("{address}/{prefix}")),
        _ => None,
    }
}
