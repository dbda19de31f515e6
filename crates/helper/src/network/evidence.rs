//! What the image's services and programs tell of its network system.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use super::facts::{Facts, Resolver};
use super::{ifupdown, resolv_conf};
use crate::error::Result;
use crate::guest::glob;
use crate::guest::root::{FILE_LIMIT, Root};

/// Where systemd finds units and the links of those that are switched on; the administrator's
/// first.
const UNITS: [&str; 3] = [
    "/etc/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Where the rules of udev are.
const UDEV: [&str; 2] = ["/usr/lib/udev/rules.d", "/lib/udev/rules.d"];

/// Where resolvconf(8) is, Debian's or openresolv.
const RESOLVCONF: [&str; 3] = [
    "/sbin/resolvconf",
    "/usr/sbin/resolvconf",
    "/usr/bin/resolvconf",
];

/// Where ifup(8) is.
pub(super) const IFUP: [&str; 4] = ["/sbin/ifup", "/usr/sbin/ifup", "/bin/ifup", "/usr/bin/ifup"];

/// Whether any of these is there.
pub(super) fn has(root: &Root, paths: &[&str]) -> bool {
    paths.iter().any(|path| root.exists(path))
}

/// Whether a service is started when the system starts, by systemd, by OpenRC or by the scripts
/// of System V.
///
/// # Errors
/// When a directory cannot be read.
pub(super) fn is_enabled(root: &Root, service: &str) -> Result<bool> {
    let unit = format!("{service}.service");
    if is_masked(root, service)? {
        return Ok(false);
    }
    for directory in UNITS {
        if !root.is_directory(directory) {
            continue;
        }
        for entry in root.list(directory)? {
            let Some(entry) = entry.to_str() else {
                continue;
            };
            let is_list = entry.ends_with(".wants") || entry.ends_with(".requires");
            if is_list && root.has_entry(format!("{directory}/{entry}/{unit}"))? {
                return Ok(true);
            }
        }
    }
    for level in ["boot", "default"] {
        if root.has_entry(format!("/etc/runlevels/{level}/{service}"))? {
            return Ok(true);
        }
    }
    for pattern in ["/etc/rc?.d/S*", "/etc/rc.d/rc?.d/S*"] {
        let links = glob::expand(root, Path::new(pattern)).unwrap_or_default();
        let is_it = |path: &Path| {
            let name = path.file_name().map(|name| name.to_string_lossy());
            let bare = name.map(|name| name.get(3..).unwrap_or_default() == service);
            bare.unwrap_or(false)
        };
        if links.iter().any(|path| is_it(path)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the administrator has a service never started by systemd.
///
/// # Errors
/// When a link cannot be read.
pub(super) fn is_masked(root: &Root, service: &str) -> Result<bool> {
    let [own, ..] = UNITS;
    let mask = root.link_target(format!("{own}/{service}.service"))?;
    Ok(mask.is_some_and(|target| target == Path::new("/dev/null")))
}

/// What the renderers have to know.
///
/// # Errors
/// When a link cannot be read.
pub(super) fn facts(root: &Root) -> Result<Facts> {
    Ok(Facts {
        has_udev: has(root, &UDEV),
        resolver: resolver(root)?,
        has_interfaces_d: root.is_directory(ifupdown::DIRECTORY),
        is_busybox: is_busybox(root)?,
    })
}

/// Whether the first ifup that is there is a link to busybox.
fn is_busybox(root: &Root) -> Result<bool> {
    let Some(program) = IFUP.iter().find(|path| root.exists(path)) else {
        return Ok(false);
    };
    let target = root.link_target(program)?;
    Ok(target.is_some_and(|target| target.ends_with("busybox")))
}

fn resolver(root: &Root) -> Result<Resolver> {
    let target = root.link_target(resolv_conf::FILE)?;
    let leads_to = |words: &str| {
        target
            .as_ref()
            .is_some_and(|target| target.to_string_lossy().contains(words))
    };
    Ok(if leads_to("systemd/resolve") {
        Resolver::Resolved
    } else if has(root, &RESOLVCONF) {
        Resolver::Resolvconf
    } else if target.is_some() && !root.exists(resolv_conf::FILE) {
        Resolver::Unknown
    } else {
        Resolver::File
    })
}

/// The configuration files of ifupdown, the main one first.
///
/// # Errors
/// When one cannot be read.
pub(super) fn interfaces(root: &Root) -> Result<Vec<Vec<u8>>> {
    let mut files = Vec::new();
    files.extend(root.read(ifupdown::FILE, FILE_LIMIT)?);
    if root.is_directory(ifupdown::DIRECTORY) {
        for name in root.list(ifupdown::DIRECTORY)? {
            let path = Path::new(ifupdown::DIRECTORY).join(name);
            if !root.is_directory(&path) {
                files.extend(root.read(&path, FILE_LIMIT)?);
            }
        }
    }
    Ok(files)
}
