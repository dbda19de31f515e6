//! Which network system the image uses: by what is switched on and what is configured, never by
//! the name of a distribution.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;

use super::evidence::{IFUP, has, interfaces, is_enabled, is_masked};
use super::{ifcfg, ifupdown, keyfile, netctl, netifrc, netplan, slackware, suse};
use crate::error::Result;
use crate::guest::root::{FILE_LIMIT, Root};

/// A network system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// netplan(5).
    Netplan {
        /// It speaks to NetworkManager.
        network_manager: bool,
    },
    /// NetworkManager by its own files.
    NetworkManager,
    /// systemd-networkd.
    Networkd {
        /// Somebody has switched it on already.
        is_enabled: bool,
    },
    /// ifupdown, or what busybox has of it.
    Ifupdown,
    /// Red Hat's initscripts, and NetworkManager that reads their files.
    Initscripts,
    /// wicked, or SUSE's older scripts.
    Suse,
    /// netctl of Arch Linux.
    Netctl,
    /// netifrc of Gentoo.
    Netifrc,
    /// The scripts of Slackware.
    Slackware,
}

/// Where the program of NetworkManager is.
const NETWORK_MANAGER: [&str; 3] = [
    "/usr/sbin/NetworkManager",
    "/usr/bin/NetworkManager",
    "/sbin/NetworkManager",
];

/// What netplan is made of.
const NETPLAN: [&str; 3] = [
    "/usr/sbin/netplan",
    "/usr/bin/netplan",
    "/usr/share/netplan",
];

const NETWORKD: [&str; 2] = [
    "/usr/lib/systemd/systemd-networkd",
    "/lib/systemd/systemd-networkd",
];

/// Where route(8) of net-tools or busybox is.
const ROUTE: [&str; 4] = [
    "/sbin/route",
    "/usr/sbin/route",
    "/bin/route",
    "/usr/bin/route",
];

const WICKED: [&str; 3] = [
    "/usr/sbin/wicked",
    "/usr/sbin/wickedd",
    "/etc/sysconfig/network/scripts",
];

/// Names of the service of NetworkManager.
const MANAGER_SERVICES: [&str; 2] = [MANAGER, "network-manager"];
const MANAGER: &str = "NetworkManager";

/// Services that are network systems of their own.
const RIVALS: [&str; 2] = ["dhcpcd", "connman"];

/// Whether NetworkManager is in the image.
#[must_use]
pub fn has_network_manager(root: &Root) -> bool {
    has(root, &NETWORK_MANAGER)
}

/// Whether NetworkManager is switched on.
///
/// # Errors
/// When a directory cannot be read.
pub fn is_manager_enabled(root: &Root) -> Result<bool> {
    for service in MANAGER_SERVICES {
        if is_enabled(root, service)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether somebody has seen to it that NetworkManager is never started.
///
/// # Errors
/// When a link cannot be read.
pub fn is_manager_masked(root: &Root) -> Result<bool> {
    is_masked(root, MANAGER)
}

/// Programs that are switched on and configure every interface that they find.
///
/// # Errors
/// When a directory cannot be read.
pub fn rivals(root: &Root) -> Result<Vec<&'static str>> {
    let mut found = Vec::new();
    for service in RIVALS {
        if is_enabled(root, service)? {
            found.push(service);
        }
    }
    Ok(found)
}

/// Whether netplan is in the image.
#[must_use]
pub fn has_netplan(root: &Root) -> bool {
    has(root, &NETPLAN)
}

/// Whether cloud-init would lose routes: it has ifupdown set them by route(8), and nobody hears
/// when that is not there.
#[must_use]
pub fn is_ifupdown_without_route(root: &Root) -> bool {
    has(root, &IFUP) && !has(root, &ROUTE)
}

/// Finds the network system; `None` when nothing is there that is known.
///
/// What somebody has configured counts before what is switched on, and that before what is
/// merely there.
///
/// # Errors
/// When a file or directory cannot be read.
pub fn detect(root: &Root) -> Result<Option<System>> {
    let has_netplan = has(root, &NETPLAN);
    if has_netplan && let Some(network_manager) = netplan_speaks_to_manager(root)? {
        return Ok(Some(System::Netplan { network_manager }));
    }
    if root.exists(format!("{}/ifup-eth", ifcfg::DIRECTORY)) {
        return Ok(Some(System::Initscripts));
    }
    let manager_enabled = has_network_manager(root) && is_manager_enabled(root)?;
    if root.exists(suse::CONFIG) && has(root, &WICKED) && !manager_enabled {
        return Ok(Some(System::Suse));
    }
    let files = interfaces(root)?;
    // Files alone are what is left of it.
    let is_told = !files.is_empty() || root.is_directory("/etc/network");
    let has_ifupdown = has(root, &IFUP) && is_told;
    if has_ifupdown && files.iter().any(|content| ifupdown::configures(content)) {
        return Ok(Some(System::Ifupdown));
    }
    if manager_enabled {
        return Ok(Some(System::NetworkManager));
    }
    let is_networkd = has(root, &NETWORKD) && is_enabled(root, "systemd-networkd")?;
    if has_netplan && (is_networkd || !has_ifupdown) {
        let network_manager = !has(root, &NETWORKD);
        return Ok(Some(System::Netplan { network_manager }));
    }
    if is_networkd {
        return Ok(Some(System::Networkd { is_enabled: true }));
    }
    Ok(if has_ifupdown {
        Some(System::Ifupdown)
    } else {
        rest(root)?
    })
}

/// What is neither configured nor switched on in a way that can be seen.
fn rest(root: &Root) -> Result<Option<System>> {
    let has_manager = has_network_manager(root) && root.is_directory(keyfile::DIRECTORY);
    Ok(
        if root.is_directory(netctl::DIRECTORY) && has(root, &["/usr/bin/netctl"]) {
            Some(System::Netctl)
        } else if root.exists(format!("{}/net.lo", netifrc::SERVICES)) {
            Some(System::Netifrc)
        } else if root.exists(slackware::FILE) {
            Some(System::Slackware)
        } else if has_manager && !is_manager_masked(root)? {
            Some(System::NetworkManager)
        } else if has(root, &NETWORKD) {
            Some(System::Networkd { is_enabled: false })
        } else {
            None
        },
    )
}

/// Whether the files of netplan, if there are any, name NetworkManager.
fn netplan_speaks_to_manager(root: &Root) -> Result<Option<bool>> {
    let mut found = None;
    if !root.is_directory(netplan::DIRECTORY) {
        return Ok(None);
    }
    for name in root.list(netplan::DIRECTORY)? {
        let Some(name) = name.to_str().filter(|name| name.ends_with(".yaml")) else {
            continue;
        };
        let path = format!("{}/{name}", netplan::DIRECTORY);
        let content = root.read(path, FILE_LIMIT)?.unwrap_or_default();
        let content = String::from_utf8_lossy(&content);
        let names_it = content.lines().any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some("renderer:") && words.next() == Some("NetworkManager")
        });
        found = Some(found.unwrap_or(false) || names_it);
    }
    Ok(found)
}

impl fmt::Display for System {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            System::Netplan {
                network_manager: false,
            } => "netplan",
            System::Netplan {
                network_manager: true,
            } => "netplan with NetworkManager",
            System::NetworkManager => "NetworkManager",
            System::Networkd { is_enabled: true } => "systemd-networkd",
            System::Networkd { is_enabled: false } => "systemd-networkd, now switched on",
            System::Ifupdown => "ifupdown",
            System::Initscripts => "Red Hat's network scripts",
            System::Suse => "wicked",
            System::Netctl => "netctl",
            System::Netifrc => "netifrc",
            System::Slackware => "Slackware's network scripts",
        })
    }
}

#[cfg(test)]
mod tests;
