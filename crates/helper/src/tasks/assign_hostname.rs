//! Gives the machine its name.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Hostname;

use crate::error::{Error, Result};
use crate::guest::distro::{self, Family};
use crate::guest::hosts;
use crate::guest::init;
use crate::guest::root::{Attributes, FILE_LIMIT, Root};
use crate::run::context::{Context, Done};

/// hostname(5).
const HOSTNAME: &str = "/etc/hostname";
/// hosts(5).
const HOSTS: &str = "/etc/hosts";
/// Where Slackware keeps the name, and SUSE before systemd; on later SUSE a link.
const UPPER: &str = "/etc/HOSTNAME";
/// Where OpenRC keeps it when there is no [`HOSTNAME`].
const OPENRC: &str = "/etc/conf.d/hostname";

/// Where the Red Hat family kept it before systemd.
const RED_HAT: &str = "/etc/sysconfig/network";

/// Files with assignments among others, and the names that are the host's: releases of the Red
/// Hat family before systemd, OpenRC, Arch before 2012.
const ASSIGNMENTS: [(&str, &[&str]); 3] = [
    (RED_HAT, &["HOSTNAME"]),
    (OPENRC, &["hostname", "HOSTNAME"]),
    ("/etc/rc.conf", &["HOSTNAME"]),
];

/// Who reads [`HOSTNAME`] whatever the distribution: systemd, OpenRC, runit.
const READERS: [&str; 6] = [
    "/usr/lib/systemd/systemd",
    "/lib/systemd/systemd",
    "/sbin/openrc",
    "/usr/bin/openrc",
    "/usr/sbin/openrc",
    "/etc/runit/runsvdir",
];

const NEW_FILE: Attributes = Attributes::of_root(0o644);

/// Writes the name where the image's system looks for it, and into its table of hosts.
///
/// # Errors
/// When it is not known where the system looks, or when a file cannot be changed.
pub(super) fn run(context: &mut Context<'_>) -> Result<Done> {
    let Some(name) = &context.parameters.hostname else {
        return Ok(Done::Skipped("no host name was given".into()));
    };
    let root = context.root()?;
    let old = old_name(root)?;
    let family = distro::detect(root)?;
    // Its scripts know no other place.
    let is_old_red_hat = family == Family::RedHat && !init::is_systemd(root)?;
    let mut is_set = false;
    for (path, names) in ASSIGNMENTS {
        let is_own = path == OPENRC || path == RED_HAT && is_old_red_hat;
        is_set |= assign(root, path, names, name, is_own)?;
    }
    let whole = format!("{name}\n");
    let is_upper = root.has_entry(UPPER)? || family == Family::Slackware;
    if is_upper && !root.is_link(UPPER)? {
        root.rewrite(UPPER, whole.as_bytes(), NEW_FILE)?;
        is_set = true;
    }
    let is_known = match has_hostname_file(root, family, is_set) {
        // cloud-init knows where its system looks.
        Err(Error::Image(_)) if context.cloud_init.is_some() => false,
        known => known?,
    };
    if is_known {
        root.rewrite(HOSTNAME, whole.as_bytes(), NEW_FILE)?;
    }
    if let Some(table) = root.read(HOSTS, FILE_LIMIT)? {
        let edited = hosts::with_own_name(&table, name, old.as_deref());
        root.rewrite(HOSTS, &edited, NEW_FILE)?;
    }
    Ok(Done::Yes)
}

/// The name that the image has, unless it is one that every machine has.
fn old_name(root: &Root) -> Result<Option<Vec<u8>>> {
    let content = root.read(HOSTNAME, FILE_LIMIT)?.unwrap_or_default();
    let mut lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let name = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    Ok(name
        .filter(|name| !name.starts_with(b"localhost"))
        .map(<[u8]>::to_vec))
}

/// Whether the system reads [`HOSTNAME`]: the file is there, or the system is one that
/// looks for it.
fn has_hostname_file(root: &Root, family: Family, is_set: bool) -> Result<bool> {
    if root.exists(HOSTNAME) || READERS.iter().any(|path| root.exists(path)) {
        return Ok(true);
    }
    match family {
        Family::Debian | Family::RedHat | Family::Arch => Ok(true),
        _ if is_set => Ok(false),
        family => Err(Error::image(format!(
            "it is not known where the image (distribution {family}) keeps its host name: put \
             an /etc/hostname into the image, or set property EXCLUDE_TASK_ASSIGNHOSTNAME"
        ))),
    }
}

/// Replaces the value of every assignment to one of the names, and says whether there is one; the
/// first name is added where the file `is_own` to the name and has none.
fn assign(root: &Root, path: &str, names: &[&str], name: &Hostname, is_own: bool) -> Result<bool> {
    // Of SUSE a file of Red Hat's name is a directory.
    if root.is_directory(path) {
        return Ok(false);
    }
    let Some(content) = root.read(path, FILE_LIMIT)? else {
        return Ok(false);
    };
    let mut edited = Vec::with_capacity(content.len());
    let mut is_found = false;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        match value(line, names) {
            Some((variable, value)) => {
                is_found = true;
                let quote = if value.starts_with(b"\"") || value.starts_with(b"'") {
                    "\""
                } else {
                    ""
                };
                edited.extend(format!("{variable}={quote}{name}{quote}\n").as_bytes());
            }
            None => edited.extend(line),
        }
    }
    if let Some(variable) = names.first().filter(|_| !is_found && is_own) {
        if edited.last().is_some_and(|last| *last != b'\n') {
            edited.push(b'\n');
        }
        edited.extend(format!("{variable}=\"{name}\"\n").as_bytes());
        is_found = true;
    }
    if is_found {
        root.rewrite(path, &edited, NEW_FILE)?;
    }
    Ok(is_found)
}

/// The variable and value of a line that assigns to one of the names.
fn value<'a>(line: &'a [u8], names: &[&'a str]) -> Option<(&'a str, &'a [u8])> {
    let line = line.trim_ascii_start();
    names.iter().find_map(|name| {
        let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some((*name, value))
    })
}

#[cfg(test)]
mod tests;
