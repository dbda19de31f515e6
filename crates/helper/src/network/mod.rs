//! The network configuration of the image: which system reads it, and what it has to say.
//!
//! A renderer is a pure function: interfaces and facts in, files out. What the image had before
//! is put aside, below [`ASIDE`].
// SPDX-License-Identifier: BSD-2-Clause

pub mod cloud_init;
mod evidence;
pub mod facts;
pub mod ifcfg;
pub mod ifupdown;
pub mod keyfile;
mod lines;
pub mod names;
pub mod netctl;
pub mod netifrc;
pub mod netplan;
pub mod networkd;
pub mod plan;
#[cfg(test)]
pub(crate) mod real;
pub mod resolv_conf;
pub mod slackware;
pub mod stale;
pub mod suse;
pub mod system;
#[cfg(test)]
pub(crate) mod testing;

use crate::error::Result;
use crate::guest::root::Root;

/// Where files lie that the image had and that would say something else.
pub const ASIDE: &str = "/etc/snf-image/replaced";

/// The first words of every file that comes from here, behind the sign of a comment.
pub const MARK: &str = "Written by snf-image";

/// Whether the files of ifupdown name an interface, whatever system is in charge.
///
/// # Errors
/// When one cannot be read.
pub fn is_configured_by_ifupdown(root: &Root) -> Result<bool> {
    let files = evidence::interfaces(root)?;
    Ok(files.iter().any(|content| ifupdown::configures(content)))
}

/// Whether a service is started when the system starts, whatever starts it.
///
/// # Errors
/// When a directory cannot be read.
pub fn is_service_enabled(root: &Root, service: &str) -> Result<bool> {
    evidence::is_enabled(root, service)
}

/// What the renderers have to know of an image.
///
/// # Errors
/// When a link cannot be read.
pub fn facts(root: &Root) -> Result<facts::Facts> {
    evidence::facts(root)
}
