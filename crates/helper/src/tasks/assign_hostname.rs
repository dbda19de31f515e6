//! Gives the machine its name.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Hostname;

use crate::error::{Error, Result};
use crate::guest::distro::{self, Family};
use crate::guest::hosts;
use crate::guest::root::{Attributes, FILE_LIMIT, Root};
use crate::run::context::{Context, Done};

/// hostname(5).
const HOSTNAME: &str = "/etc/hostname";
/// hosts(5).
const HOSTS: &str = "/etc/hosts";
/// Where releases of the Red Hat family before systemd keep the name.
const SYSCONFIG: &str = "/etc/sysconfig/network";

/// systemd, which reads [`HOSTNAME`] whatever the distribution.
const SYSTEMD: [&str; 2] = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];

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
    let is_in_sysconfig = set_sysconfig(root, name)?;
    if has_hostname_file(root, is_in_sysconfig)? {
        root.rewrite(HOSTNAME, format!("{name}\n").as_bytes(), NEW_FILE)?;
    }
    if let Some(table) = root.read(HOSTS, FILE_LIMIT)? {
        root.rewrite(HOSTS, &hosts::with_own_name(&table, name), NEW_FILE)?;
    }
    Ok(Done::Yes)
}

/// Whether the system reads [`HOSTNAME`]: the file is there, or the system is one that
/// looks for it.
fn has_hostname_file(root: &Root, is_in_sysconfig: bool) -> Result<bool> {
    if root.exists(HOSTNAME) || SYSTEMD.iter().any(|path| root.exists(path)) {
        return Ok(true);
    }
    match distro::detect(root)? {
        Family::Debian | Family::RedHat | Family::Arch => Ok(true),
        _ if is_in_sysconfig => Ok(false),
        family => Err(Error::image(format!(
            "it is not known where the image (distribution {family}) keeps its host name: put \
             an /etc/hostname into the image, or set property EXCLUDE_TASK_ASSIGNHOSTNAME"
        ))),
    }
}

/// Replaces the value of every `HOSTNAME=` line, and says whether there was one.
fn set_sysconfig(root: &Root, name: &Hostname) -> Result<bool> {
    let Some(content) = root.read(SYSCONFIG, FILE_LIMIT)? else {
        return Ok(false);
    };
    let Some(edited) = with_hostname(&content, name) else {
        return Ok(false);
    };
    root.rewrite(SYSCONFIG, &edited, NEW_FILE)?;
    Ok(true)
}

fn with_hostname(content: &[u8], name: &Hostname) -> Option<Vec<u8>> {
    let mut edited = Vec::with_capacity(content.len());
    let mut is_found = false;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii_start().starts_with(b"HOSTNAME=") {
            is_found = true;
            edited.extend(format!("HOSTNAME={name}\n").as_bytes());
        } else {
            edited.extend(line);
        }
    }
    is_found.then_some(edited)
}

#[cfg(test)]
mod tests;
