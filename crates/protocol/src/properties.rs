//! Image properties: what an image, or whoever deploys it, says about how to treat it.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Task;

mod accounts;
mod cloud_init;
mod identity;
mod network;
mod programs;
mod windows;

pub use accounts::{NewUser, Rights};
pub use cloud_init::CloudInit;
pub use identity::{Identity, MachineId};
pub use network::{Ip6, NicProperties, parse_route};
pub use programs::{CUSTOM_TASK, FIRST_BOOT_SCRIPT, MAX_PROGRAM, MAX_SCRIPT};
pub use windows::{TIME_ZONE, is_time_zone};

/// The longest value of one property, in bytes.
const MAX_VALUE: usize = 128 * 1024;

/// Names in upper case and their values. Names that mean nothing here are kept: external
/// tasks get them as `SNF_IMAGE_PROPERTY_<NAME>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Properties(BTreeMap<String, String>);

/// The family of an operating system, property `OSFAMILY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OsFamily {
    /// `linux`
    Linux,
    /// `windows`: Vista, Server 2008 and later
    Windows,
    /// `windows-legacy`: before Vista
    WindowsLegacy,
    /// `freebsd`
    FreeBsd,
    /// `openbsd`
    OpenBsd,
    /// `netbsd`
    NetBsd,
}

/// How passwords are hashed, property `PASSWD_HASHING_METHOD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashMethod {
    /// `md5`: crypt(5) `$1$`
    Md5,
    /// `yescrypt`: crypt(5) `$y$`
    Yescrypt,
    /// `blowfish` or `bcrypt`: crypt(5) `$2b$`
    Blowfish,
    /// `sha256`: crypt(5) `$5$`
    Sha256,
    /// `sha512`: crypt(5) `$6$`
    Sha512,
}

/// Where swap space goes, property `SWAP`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// `<number>:<size>`: a new partition of that number and size
    Partition {
        /// The partition number on the first disk, from 1.
        number: u32,
        /// Its size in MiB.
        size_mib: u64,
    },
    /// `<letter>`: the whole disk of that letter
    Disk {
        /// Its place among the disks; the first disk, which holds the image, is 0.
        index: usize,
    },
}

/// Why a property means nothing. The value is named: a property is no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PropertyError {
    /// Not `KEY=VALUE`.
    #[error("property {0:?} is not of the form KEY=VALUE")]
    NoValue(String),
    /// A name that no shell takes as the name of a variable.
    #[error(
        "property name {0:?} is not valid: letters, digits and underscores, not beginning with a digit"
    )]
    Name(String),
    /// Longer than 128 KiB or with a NUL inside.
    #[error("the value of property {0} is longer than 128 KiB or holds a NUL character")]
    Value(String),
    /// A program that is none.
    #[error("property {name} is not valid: {reason}")]
    Program {
        /// The property.
        name: &'static str,
        /// What is wrong; of the content nothing is shown.
        reason: &'static str,
    },
    /// A value that the property does not take.
    #[error("property {name}={value} is not valid: {expected}")]
    Meaning {
        /// The property.
        name: String,
        /// What was given, shortened.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
}

impl Properties {
    /// Takes names and values in the order given; a later one replaces an earlier one.
    ///
    /// # Errors
    /// All faults at once.
    pub fn new<I>(pairs: I) -> Result<Self, Vec<PropertyError>>
    where
        I: IntoIterator<Item = (String, String)>,
    {
        let mut properties = Properties::default();
        let mut faults = Vec::new();
        for (name, value) in pairs {
            let name = name.to_ascii_uppercase();
            if !is_identifier(&name) {
                faults.push(PropertyError::Name(name.chars().take(80).collect()));
            } else if !programs::is_program(&name) && value.len() > MAX_VALUE
                || value.contains('\0')
            {
                faults.push(PropertyError::Value(name));
            } else {
                properties.0.insert(name, value);
            }
        }
        faults.extend(properties.os_family().err());
        faults.extend(properties.root_partition().err());
        faults.extend(properties.users().err());
        faults.extend(properties.hash_method().err());
        faults.extend(properties.create_user().err());
        faults.extend(properties.custom_task().err());
        faults.extend(properties.first_boot_script().err());
        faults.extend(properties.swap().err());
        faults.extend(properties.machine_id().err());
        faults.extend(properties.kept_identity().err());
        faults.extend(properties.cloud_init().err());
        faults.extend(properties.cloud_init_disk().err());
        faults.extend(properties.nic_faults());
        faults.extend(properties.windows_faults());
        if faults.is_empty() {
            Ok(properties)
        } else {
            Err(faults)
        }
    }

    /// Splits `KEY=VALUE`.
    ///
    /// # Errors
    /// When there is no `=`.
    pub fn split(pair: &str) -> Result<(String, String), PropertyError> {
        match pair.split_once('=') {
            Some((name, value)) => Ok((name.into(), value.into())),
            None => Err(PropertyError::NoValue(pair.chars().take(80).collect())),
        }
    }

    /// The value of a property, by its name in upper case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All names and values in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a yes-or-no property is set: `yes true on 1 set` is yes; `no false off 0
    /// unset`, the empty value and no property at all are no; anything else is yes.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| boolean(value).unwrap_or(true))
    }

    /// The operating system's family, if given.
    ///
    /// # Errors
    /// When the value is no family.
    pub fn os_family(&self) -> Result<Option<OsFamily>, PropertyError> {
        let Some(value) = self.given("OSFAMILY") else {
            return Ok(None);
        };
        Ok(Some(match value {
            "linux" => OsFamily::Linux,
            "windows" => OsFamily::Windows,
            "windows-legacy" => OsFamily::WindowsLegacy,
            "freebsd" => OsFamily::FreeBsd,
            "openbsd" => OsFamily::OpenBsd,
            "netbsd" => OsFamily::NetBsd,
            _ => {
                return Err(meaning(
                    "OSFAMILY",
                    value,
                    "it is one of linux, windows, windows-legacy, freebsd, openbsd, netbsd",
                ));
            }
        }))
    }

    /// The number of the partition that holds the root file system, if given.
    ///
    /// # Errors
    /// When the value is not a number from 1 to 128.
    pub fn root_partition(&self) -> Result<Option<u32>, PropertyError> {
        self.given("ROOT_PARTITION")
            .map(|value| {
                decimal(value)
                    .and_then(|number| u32::try_from(number).ok())
                    .filter(|number| (1..=128).contains(number))
                    .ok_or_else(|| {
                        meaning(
                            "ROOT_PARTITION",
                            value,
                            "it is a partition number from 1 to 128",
                        )
                    })
            })
            .transpose()
    }

    /// The users whose password and keys are set, if given.
    ///
    /// # Errors
    /// When a name cannot stand in passwd(5).
    pub fn users(&self) -> Result<Option<Vec<&str>>, PropertyError> {
        let Some(value) = self.given("USERS") else {
            return Ok(None);
        };
        let users: Vec<_> = value.split_ascii_whitespace().collect();
        if users.is_empty() || !users.iter().all(|user| is_user_name(user)) {
            return Err(meaning(
                "USERS",
                value,
                "it is a list of user names separated by spaces, each without colon, slash, \
                 control character or leading hyphen",
            ));
        }
        Ok(Some(users))
    }

    /// How passwords are hashed, if given.
    ///
    /// # Errors
    /// When the value names no method.
    pub fn hash_method(&self) -> Result<Option<HashMethod>, PropertyError> {
        let Some(value) = self.given("PASSWD_HASHING_METHOD") else {
            return Ok(None);
        };
        Ok(Some(match value {
            "md5" => HashMethod::Md5,
            "yescrypt" => HashMethod::Yescrypt,
            "blowfish" | "bcrypt" => HashMethod::Blowfish,
            "sha256" => HashMethod::Sha256,
            "sha512" => HashMethod::Sha512,
            _ => {
                return Err(meaning(
                    "PASSWD_HASHING_METHOD",
                    value,
                    "it is one of yescrypt, sha512, sha256, blowfish (or bcrypt), md5",
                ));
            }
        }))
    }

    /// Where swap space goes, if asked for.
    ///
    /// # Errors
    /// When the value is neither `<partition number>:<size in MiB>` nor a disk letter
    /// from `b` on.
    pub fn swap(&self) -> Result<Option<Swap>, PropertyError> {
        let Some(value) = self.given("SWAP") else {
            return Ok(None);
        };
        let swap = match value.split_once(':') {
            Some((number, size)) => decimal(number)
                .and_then(|number| u32::try_from(number).ok())
                .filter(|number| (1..=128).contains(number))
                .zip(decimal(size).filter(|size| *size > 0))
                .map(|(number, size_mib)| Swap::Partition { number, size_mib }),
            None => further_disk(value).map(|index| Swap::Disk { index }),
        };
        swap.map(Some).ok_or_else(|| {
            meaning(
                "SWAP",
                value,
                "it is <partition number>:<size in MiB>, or the letter of a disk from b on",
            )
        })
    }

    /// Whether a task is left out, and by which property.
    #[must_use]
    pub fn excludes(&self, task: Task) -> Option<String> {
        if self.flag("EXCLUDE_ALL_TASKS") {
            return Some("EXCLUDE_ALL_TASKS".into());
        }
        if task.is_mounted() && self.flag("EXCLUDE_MOUNTED_TASKS") {
            return Some("EXCLUDE_MOUNTED_TASKS".into());
        }
        if task.is_resize() && self.flag("EXCLUDE_FILESYSTEMRESIZE_TASKS") {
            return Some("EXCLUDE_FILESYSTEMRESIZE_TASKS".into());
        }
        let own = format!("EXCLUDE_TASK_{}", task.name().to_ascii_uppercase());
        (task.is_excludable() && self.flag(&own)).then_some(own)
    }

    /// The properties of single network interfaces, each with the interface's number, from 0.
    pub fn of_interfaces(&self) -> impl Iterator<Item = (&str, usize)> {
        self.iter()
            .filter_map(|(name, _)| Some((name, network::about(name)?)))
    }

    /// What is accepted but most likely not meant: a yes-or-no property with another
    /// value, an `EXCLUDE_` that leaves nothing out.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.about_programs();
        for (name, value) in &self.0 {
            if name.starts_with("NIC_") && network::about(name).is_none() {
                warnings.push(format!(
                    "property {name} names nothing of a network interface"
                ));
            }
            let excluded = name.strip_prefix("EXCLUDE_TASK_");
            let is_flag = excluded.is_some() || FLAGS.contains(&name.as_str());
            if is_flag && boolean(value).is_none() {
                warnings.push(format!(
                    "property {name} is taken as yes: its value is neither yes nor no"
                ));
            }
            if is_flag && value.is_empty() {
                warnings.push(format!("property {name} is empty and taken as no"));
            }
            if name.starts_with("EXCLUDE_") && !is_flag {
                warnings.push(format!(
                    "property {name} leaves nothing out: it is one of EXCLUDE_ALL_TASKS, \
                     EXCLUDE_MOUNTED_TASKS, EXCLUDE_FILESYSTEMRESIZE_TASKS, EXCLUDE_TASK_ and a task"
                ));
            }
            let Some(excluded) = excluded else { continue };
            match Task::ALL
                .iter()
                .find(|task| task.name().eq_ignore_ascii_case(excluded))
            {
                None => warnings.push(format!("property {name} names no task of this release")),
                Some(task) if !task.is_excludable() => warnings.push(format!(
                    "property {name} has no effect: use EXCLUDE_MOUNTED_TASKS to leave {task} out"
                )),
                Some(_) => {}
            }
        }
        warnings
    }

    fn given(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

const FLAGS: [&str; 10] = [
    "ALLOW_MOUNTED_TASK_OVERWRITING",
    "DO_SYNC",
    "IGNORE_UNATTEND",
    "NM_NETWORKING",
    "WINRM",
    "OFFLINE_NTFSRESIZE",
    "OFFLINE_NTFSRESIZE_NOCHECK",
    "EXCLUDE_ALL_TASKS",
    "EXCLUDE_MOUNTED_TASKS",
    "EXCLUDE_FILESYSTEMRESIZE_TASKS",
];

fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" | "set" => Some(true),
        "no" | "false" | "off" | "0" | "unset" | "" => Some(false),
        _ => None,
    }
}

/// The place of a disk of the machine by its letter, from the second on: `b` is 1.
fn further_disk(letter: &str) -> Option<usize> {
    match letter.to_ascii_lowercase().as_bytes() {
        [letter @ b'b'..=b'z'] => Some(usize::from(letter - b'a')),
        _ => None,
    }
}

fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain)
}

fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_user_name(name: &str) -> bool {
    !name.starts_with('-')
        && name != "."
        && name != ".."
        && name.len() <= 255
        && !name
            .chars()
            .any(|sign| sign.is_control() || sign == ':' || sign == '/')
}

fn meaning(name: &str, value: &str, expected: &'static str) -> PropertyError {
    PropertyError::Meaning {
        name: name.into(),
        value: value.chars().take(80).collect(),
        expected,
    }
}

#[cfg(test)]
mod tests;
