//! Whether the image has cloud-init and has it switched on.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use super::CloudInit;
use super::configuration::{Configuration, MAIN};
use crate::error::Result;
use crate::guest::glob;
use crate::guest::root::{FILE_LIMIT, Root};
use crate::network;

/// Where the program is.
const PROGRAMS: [&str; 3] = [
    "/usr/bin/cloud-init",
    "/usr/local/bin/cloud-init",
    "/bin/cloud-init",
];

/// A file that switches it off (`cloud-init-generator`).
const DISABLED: &str = "/etc/cloud/cloud-init.disabled";

/// Services of which one is switched on where cloud-init is. Since release 24.3 a single process does
/// the work of all.
const SERVICES: [&str; 4] = [
    "cloud-init",
    "cloud-init-local",
    "cloud-init-network",
    "cloud-init-main",
];

/// The job by which Upstart starts it.
const UPSTART: &str = "/etc/init/cloud-init.conf";

/// Where Python finds it.
const PACKAGES: [&str; 3] = [
    "/usr/lib/python*/*-packages/cloudinit",
    "/usr/lib64/python*/*-packages/cloudinit",
    "/usr/local/lib/python*/*-packages/cloudinit",
];

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is there and starts with the machine.
    Usable(CloudInit),
    /// It is not, and why.
    Not(&'static str),
}

/// Looks for cloud-init. `is_asked_for` says that a list of datasources which names none is no
/// hindrance: it will be replaced.
///
/// # Errors
/// When a file or directory cannot be read.
pub fn detect(root: &Root, is_asked_for: bool) -> Result<Found> {
    let is_there = PROGRAMS.iter().any(|path| root.exists(path)) && root.exists(MAIN);
    if !is_there {
        return Ok(Found::Not("the image has no cloud-init"));
    }
    if root.has_entry(DISABLED)? {
        return Ok(Found::Not(
            "cloud-init of the image is switched off by its /etc/cloud/cloud-init.disabled",
        ));
    }
    let mut is_enabled = root.exists(UPSTART);
    for service in SERVICES {
        is_enabled |= network::is_service_enabled(root, service)?;
    }
    if !is_enabled {
        return Ok(Found::Not(
            "cloud-init is in the image, but no service starts it",
        ));
    }
    let configuration = Configuration::read(root)?;
    let sources = configuration.list("datasource_list");
    let has_none = sources.is_some_and(|sources| sources.iter().all(|name| *name == "None"));
    if has_none && !is_asked_for {
        return Ok(Found::Not(
            "cloud-init of the image is told to look for no datasource (datasource_list)",
        ));
    }
    let (version, has_network) = package(root)?;
    Ok(Found::Usable(CloudInit {
        version,
        default_user: default_user(&configuration),
        no_network: if !has_network {
            Some("its cloud-init is too old to configure the network")
        } else if configuration.has("network") {
            Some("the configuration of its cloud-init says something about the network already")
        } else {
            None
        },
    }))
}

/// The user that it makes, if it makes one at all.
fn default_user(configuration: &Configuration) -> Option<String> {
    let users = configuration.list("users")?;
    let name = configuration.default_user()?;
    users.contains(&"default").then(|| name.to_owned())
}

/// Its release, and whether it configures the network, which it does since 0.7.7.
fn package(root: &Root) -> Result<(Option<(u32, u32)>, bool)> {
    for pattern in PACKAGES {
        let packages = glob::expand(root, Path::new(pattern)).unwrap_or_default();
        let Some(package) = packages.iter().find(|package| root.is_directory(package)) else {
            continue;
        };
        let text = root.read(package.join("version.py"), FILE_LIMIT)?;
        let version = version(&String::from_utf8_lossy(&text.unwrap_or_default()));
        return Ok((version, root.is_directory(package.join("net"))));
    }
    Ok((None, false))
}

/// The first two numbers of `__VERSION__ = "22.4.2"`.
fn version(text: &str) -> Option<(u32, u32)> {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("__VERSION__"))?;
    let value = line
        .trim()
        .strip_prefix('=')?
        .trim()
        .trim_matches(['"', '\'']);
    let mut numbers = value.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}
