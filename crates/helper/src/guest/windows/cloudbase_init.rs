//! Cloudbase-Init of the image: what it takes over from Windows Setup, as its configuration says.
//!
//! Names of settings and plugins are those of its documentation ("Configuration options reference", "Plugins",
//! <https://cloudbase-init.readthedocs.io>).
// SPDX-License-Identifier: BSD-2-Clause

mod configuration;

use configuration::Configuration;

use crate::error::Result;
use crate::guest::root::{FILE_LIMIT, Root};

/// Where it is installed; the second is where its program for x86 is on other processors.
const PLACES: [&str; 2] = [
    "/Program Files/Cloudbase Solutions/Cloudbase-Init",
    "/Program Files (x86)/Cloudbase Solutions/Cloudbase-Init",
];

/// Its configuration, in that place.
const CONFIGURATION: &str = "conf/cloudbase-init.conf";

/// Plugins, by the names of their classes.
const SET_HOST_NAME: &str = "SetHostNamePlugin";
const CREATE_USER: &str = "CreateUserPlugin";
const SET_USER_PASSWORD: &str = "SetUserPasswordPlugin";
const LOCAL_SCRIPTS: &str = "LocalScriptsPlugin";

/// The plugins that matter here, in the order in which they run where nothing else is said.
const PLUGINS: [&str; 4] = [SET_HOST_NAME, CREATE_USER, SET_USER_PASSWORD, LOCAL_SCRIPTS];

/// The user that it makes where it is told nothing else.
const USER: &str = "Admin";

/// How what it is told is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// As of OpenStack.
    ConfigDrive,
    /// As of cloud-init's `NoCloud`.
    NoCloud,
}

impl Source {
    /// The label that such a medium has.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Source::ConfigDrive => "config-2",
            Source::NoCloud => "cidata",
        }
    }

    /// The class that reads it.
    fn service(self) -> &'static str {
        match self {
            Source::ConfigDrive => "ConfigDriveService",
            Source::NoCloud => "NoCloudConfigDriveService",
        }
    }
}

/// What is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudbaseInit {
    /// Which layout it reads.
    pub source: Source,
    /// Whether it sets the name of the machine.
    pub sets_name: bool,
    /// Whether it gives a password to a user, a random one where it is told none.
    pub sets_password: bool,
    /// The directory in the image whose scripts it runs when it has set passwords.
    pub last_scripts: Option<String>,
    /// The user that it makes, or gives a password.
    pub user: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is there and reads disks.
    Usable(CloudbaseInit),
    /// It is not, and why.
    Not(&'static str),
}

/// Looks for it.
///
/// # Errors
/// When its configuration cannot be read.
pub fn detect(root: &Root) -> Result<Found> {
    let Some(place) = PLACES.into_iter().find(|place| root.is_directory(place)) else {
        return Ok(Found::Not("the image has no Cloudbase-Init"));
    };
    let text = root.read(format!("{place}/{CONFIGURATION}"), FILE_LIMIT)?;
    let text = text.unwrap_or_default();
    Ok(found(&Configuration::new(&String::from_utf8_lossy(&text))))
}

fn found(configuration: &Configuration) -> Found {
    let services = configuration.list("DEFAULT", "metadata_services");
    let reads = |source: &Source| match &services {
        Some(services) => services.iter().any(|name| class(name) == source.service()),
        None => *source == Source::ConfigDrive,
    };
    let source = [Source::ConfigDrive, Source::NoCloud]
        .into_iter()
        .find(reads);
    let Some(source) = source.filter(|_| reads_disks(configuration)) else {
        return Found::Not(
            "Cloudbase-Init of the image reads no disk with what it is told (metadata_services, bsdtar_path, \
             types and locations in its cloudbase-init.conf)",
        );
    };
    let plugins = configuration.list("DEFAULT", "plugins");
    let plugins: Vec<_> = match &plugins {
        Some(plugins) => plugins.iter().map(|name| class(name)).collect(),
        None => PLUGINS.into(),
    };
    let place = |name| plugins.iter().position(|plugin| *plugin == name);
    let passwords = place(CREATE_USER).max(place(SET_USER_PASSWORD));
    let runs_last = place(LOCAL_SCRIPTS) > passwords;
    let scripts = configuration.value("DEFAULT", "local_scripts_path");
    Found::Usable(CloudbaseInit {
        source,
        sets_name: place(SET_HOST_NAME).is_some(),
        sets_password: passwords.is_some(),
        last_scripts: scripts.and_then(inside).filter(|_| runs_last),
        user: (configuration.value("DEFAULT", "username").unwrap_or(USER)).to_owned(),
    })
}

/// Whether it looks for an ISO 9660 image on whole disks: as it does unless all that adds these two to what it looks
/// for, and where, is switched off or left out. It has a program for what it finds.
fn reads_disks(configuration: &Configuration) -> bool {
    let either = |name: &str, old: &str| {
        let value = configuration.value("config_drive", name);
        value.or_else(|| configuration.value("DEFAULT", old))
    };
    let is_on = |name: &str, old: &str| {
        let value = either(name, old).unwrap_or_default().to_ascii_lowercase();
        !["false", "no", "off", "0"].contains(&value.as_str())
    };
    let names = |name: &str, old: &str, wanted: &str| {
        let list = configuration.list("config_drive", name);
        let list = list.or_else(|| configuration.list("DEFAULT", old));
        list.is_none_or(|list| list.contains(&wanted))
    };
    // As it is spelled.
    let raw = is_on("raw_hdd", "config_drive_raw_hhd");
    let iso =
        raw || is_on("cdrom", "config_drive_cdrom") || names("types", "config_drive_types", "iso");
    let disks = raw
        || is_on("vfat", "config_drive_vfat")
        || names("locations", "config_drive_locations", "hdd");
    iso && disks && configuration.value("DEFAULT", "bsdtar_path").is_some()
}

/// The name of a class without the modules that it is in.
fn class(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// A directory of drive C: as a path of the image.
fn inside(path: &str) -> Option<String> {
    let (drive, inside) = path.split_at_checked(3)?;
    let path = inside.replace('\\', "/");
    let path = path.trim_end_matches('/');
    (drive.eq_ignore_ascii_case("c:\\") && !path.is_empty()).then(|| format!("/{path}"))
}

#[cfg(test)]
mod tests;
