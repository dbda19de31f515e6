//! Addresses, routes and servers of the network interfaces, as a step of the first start.
//!
//! An answer file knows neither MTU, nor a gateway outside of the network, nor the ways of IPv6,
//! and its component would have to be merged with that of the image. `netsh` can do it all since
//! Windows 7.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::Write as _;
use std::net::IpAddr;

use snf_image_protocol::{Ipv4, Ipv6, Nic, netmask};

use super::lines;
use crate::network::facts::{gateway4, gateway6, routes};

/// Waits at most a minute for a card whose driver setup has just installed. `Netsh-May` is for what
/// netsh calls an error when it is so already. Windows before 8 and Server 2012 unbinds nothing (Microsoft,
/// "Disable-NetAdapterBinding"): there an interface without IPv6 asks no router for an address.
const START: &str = "$ErrorActionPreference = 'Stop'
function Get-Card([string]$mac) {
    for ($round = 0; $round -lt 60; $round++) {
        $found = @(Get-WmiObject Win32_NetworkAdapter | Where-Object { $_.MACAddress -eq $mac -and $_.NetConnectionID })
        if ($found.Count -gt 0) { return $found[0] }
        Start-Sleep -Seconds 1
    }
    throw ('no network card has the address ' + $mac)
}
function Netsh-May { & netsh.exe @args | Out-Null }
function Netsh-Must {
    & netsh.exe @args | Out-Null
    if ($LASTEXITCODE -ne 0) { throw ('netsh ' + [string]::Join(' ', $args) + ' failed') }
}
function Unbind($card, [string]$protocol) {
    if (Get-Command Disable-NetAdapterBinding -ErrorAction SilentlyContinue) {
        Disable-NetAdapterBinding -Name $card.NetConnectionID -ComponentID $protocol
    } elseif ($protocol -eq 'ms_tcpip6') {
        Netsh-Must interface ipv6 set interface ($card.InterfaceIndex) routerdiscovery=disabled managedaddress=disabled otherstateful=disabled store=persistent
    } else {
        throw 'Windows before 8 and Server 2012 cannot take IPv4 away'
    }
}
$failures = @()
";

/// The script, or `None` where every interface gets what Windows does by itself: DHCP, and IPv6 as
/// the routers say.
#[must_use]
pub fn script(nics: &[Nic]) -> Option<Vec<u8>> {
    if nics.iter().all(is_default) {
        return None;
    }
    let mut script = START.to_owned();
    for nic in nics.iter().filter(|nic| !is_default(nic)) {
        one(&mut script, nic);
    }
    let domains: Vec<_> = (nics.iter().flat_map(|nic| &nic.dns_search))
        .map(snf_image_protocol::Domain::as_str)
        .collect();
    if !domains.is_empty() {
        // A domain is letters, digits, hyphens, underscores and dots.
        line(
            &mut script,
            format_args!(
                "Set-ItemProperty -LiteralPath \
                 'HKLM:\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters' -Name SearchList \
                 -Value '{}'",
                domains.join(",")
            ),
        );
    }
    // The last `Netsh-May` may have left an exit code.
    script.push_str(
        "if ($failures.Count -gt 0) { throw [string]::Join('; ', $failures) }\n\
         $global:LASTEXITCODE = 0\n",
    );
    Some(lines(&script))
}

/// The interfaces that keep IPv4 though they shall not have it, in Windows before 8 and Server 2012.
#[must_use]
pub fn keep_ipv4(nics: &[Nic]) -> Vec<&Nic> {
    let without = nics
        .iter()
        .filter(|nic| nic.ipv4 == Ipv4::None && !is_default(nic));
    without.collect()
}

/// Whether nothing but a default was decided for an interface: it is left to Windows.
fn is_default(nic: &Nic) -> bool {
    !nic.is_asked_for
        && matches!(nic.ipv4, Ipv4::Dhcp | Ipv4::None)
        && !matches!(nic.ipv6, Ipv6::Static { .. })
        && nic.mtu.is_none()
        && nic.dns_servers.is_empty()
        && nic.dns_search.is_empty()
        && nic.routes.is_empty()
}

fn line(script: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String never fails.
    let _ = writeln!(script, "{text}");
}

/// One interface. What fails there keeps none of the others from being configured. Protocols that it shall not have
/// are taken away last, so that nothing is said to them after that, and all else is done where that fails.
fn one(script: &mut String, nic: &Nic) {
    let mac = nic.mac.to_string().to_ascii_uppercase();
    line(script, format_args!("try {{"));
    line(script, format_args!("$card = Get-Card '{mac}'"));
    line(script, format_args!("$number = $card.InterfaceIndex"));
    four(script, nic);
    six(script, nic);
    if let Some(mtu) = nic.mtu {
        for Family { name, .. } in families(nic) {
            line(
                script,
                format_args!(
                    "Netsh-Must interface {name} set subinterface $number mtu={mtu} store=persistent"
                ),
            );
        }
    }
    servers(script, nic);
    if nic.ipv6 == Ipv6::None {
        line(script, format_args!("Unbind $card 'ms_tcpip6'"));
    }
    if nic.ipv4 == Ipv4::None {
        line(script, format_args!("Unbind $card 'ms_tcpip'"));
    }
    line(
        script,
        format_args!("}} catch {{ $failures += '{mac}: ' + $_.Exception.Message }}"),
    );
}

/// A version of the internet protocol, as netsh calls it.
struct Family {
    name: &'static str,
    is_ipv6: bool,
}

/// Those that an interface shall have.
fn families(nic: &Nic) -> Vec<Family> {
    let four = (nic.ipv4 != Ipv4::None).then_some(Family {
        name: "ipv4",
        is_ipv6: false,
    });
    let six = (nic.ipv6 != Ipv6::None).then_some(Family {
        name: "ipv6",
        is_ipv6: true,
    });
    four.into_iter().chain(six).collect()
}

fn four(script: &mut String, nic: &Nic) {
    match nic.ipv4 {
        Ipv4::None => return,
        Ipv4::Dhcp => line(
            script,
            format_args!("Netsh-May interface ipv4 set address name=$number source=dhcp"),
        ),
        Ipv4::Static {
            address, prefix, ..
        } => {
            let mask = netmask(prefix);
            line(
                script,
                format_args!(
                    "Netsh-Must interface ipv4 set address name=$number source=static address={address} \
                     mask={mask}"
                ),
            );
        }
    }
    if let Some(gateway) = gateway4(nic) {
        if gateway.is_outside {
            route(script, "ipv4", &format!("{}/32", gateway.address), None);
        }
        route(script, "ipv4", "0.0.0.0/0", Some(gateway.address.into()));
    }
    for own in routes(nic, true) {
        route(script, "ipv4", &own.to.to_string(), Some(own.via));
    }
}

fn six(script: &mut String, nic: &Nic) {
    let (discovery, managed, other) = match nic.ipv6 {
        Ipv6::None => return,
        Ipv6::Slaac => ("enabled", "disabled", "disabled"),
        Ipv6::SlaacDhcp => ("enabled", "disabled", "enabled"),
        Ipv6::Dhcp => ("enabled", "enabled", "enabled"),
        Ipv6::Static { .. } => ("disabled", "disabled", "disabled"),
    };
    line(
        script,
        format_args!(
            "Netsh-Must interface ipv6 set interface $number routerdiscovery={discovery} \
             managedaddress={managed} otherstateful={other} store=persistent"
        ),
    );
    if let Ipv6::Static {
        address, prefix, ..
    } = nic.ipv6
    {
        line(
            script,
            format_args!(
                "Netsh-Must interface ipv6 add address interface=$number address={address}/{prefix} \
                 store=persistent"
            ),
        );
    }
    if let Some(gateway) = gateway6(nic) {
        if gateway.is_outside {
            route(script, "ipv6", &format!("{}/128", gateway.address), None);
        }
        route(script, "ipv6", "::/0", Some(gateway.address.into()));
    }
    for own in routes(nic, false) {
        route(script, "ipv6", &own.to.to_string(), Some(own.via));
    }
}

/// A route by a router, or to one that is on the link.
fn route(script: &mut String, family: &str, to: &str, via: Option<IpAddr>) {
    let via = via.map_or_else(String::new, |via| format!(" nexthop={via}"));
    line(
        script,
        format_args!(
            "Netsh-Must interface {family} add route prefix={to} interface=$number{via} store=persistent"
        ),
    );
}

/// Those of the protocols that the interface has: it could not reach others.
fn servers(script: &mut String, nic: &Nic) {
    for Family { name, is_ipv6 } in families(nic) {
        let own = (nic.dns_servers.iter()).filter(|own| own.is_ipv6() == is_ipv6);
        for (number, server) in (1..).zip(own) {
            let verb = if number == 1 {
                format!("set dnsservers name=$number source=static address={server}")
            } else {
                format!("add dnsservers name=$number address={server} index={number}")
            };
            line(
                script,
                format_args!("Netsh-Must interface {name} {verb} validate=no"),
            );
        }
    }
}
