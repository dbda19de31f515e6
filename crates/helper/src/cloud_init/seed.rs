//! What cloud-init reads: texts alone, made of what the deployment asks for.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt::Write as _;

use rand::Rng;
use snf_image_protocol::{Hostname, Ipv6, Nic, Secret};

use super::{CLEAN_UP, CloudInit, FIRST_START, SEED};
use crate::network::{MARK, cloud_init};

/// User-data where none is given: a configuration that says nothing.
pub const NO_USER_DATA: &[u8] = b"#cloud-config\n{}\n";

/// The release that has words for each way to IPv6 addresses in version 1 of its network
/// configuration. 0.7.9 and 17.1 fail at `static6`, and lose the prefix of routes.
const HAS_IPV6: (u32, u32) = (19, 3);

/// Begins the first line of `meta-data`.
const INSTANCE: &str = "instance-id: ";

/// What every name of a deployment begins with.
const PREFIX: &str = "snf-";

/// A name for this deployment that no other has: when it changes, cloud-init begins anew.
#[must_use]
pub fn instance_id(random: &mut impl Rng) -> String {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    let mut id = PREFIX.to_owned();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// Whether `meta-data` was written here, for this deployment or an earlier one.
#[must_use]
pub fn is_ours(meta_data: &[u8]) -> bool {
    meta_data.starts_with(format!("{INSTANCE}{PREFIX}").as_bytes())
}

/// `meta-data`. The keys are for the user that cloud-init makes.
#[must_use]
pub fn meta_data(instance: &str, hostname: Option<&Hostname>, keys: &[&str]) -> String {
    let mut text = format!("{INSTANCE}{instance}\n");
    if let Some(name) = hostname {
        text += &format!("local-hostname: {}\n", quoted(name.as_str()));
    }
    text + &list("public-keys", keys, "")
}

/// The file at [`super::PIN`]: the seed counts and nothing else, neither a server nor a disk that
/// somebody attaches. `ds-identify` wants the list in one line.
#[must_use]
pub fn pin() -> String {
    format!(
        "# {MARK}.\ndatasource_list: [ NoCloud, None ]\ndatasource:\n  NoCloud:\n    fs_label: null\n"
    )
}

/// The file at [`super::IDENTIFY`].
#[must_use]
pub fn identify() -> String {
    format!("# {MARK}.\ndatasource: NoCloud\n")
}

/// What cloud-init must not undo, and what it has to do for a user who is not there yet.
#[derive(Debug, Default)]
pub struct FirstStart<'a> {
    /// A password was set: logins by password are let in.
    pub has_password: bool,
    /// Keys were given to root: they are not replaced by a word that one should be somebody else.
    pub has_root_keys: bool,
    /// The user that cloud-init makes keeps a password that was set.
    pub unlocks_default_user: bool,
    /// The hash of the password of that user.
    pub hash: Option<&'a Secret>,
    /// The keys of that user.
    pub keys: &'a [&'a str],
}

impl FirstStart<'_> {
    /// The file at [`FIRST_START`].
    #[must_use]
    pub fn text(&self) -> Secret {
        let mut text = format!(
            "# {MARK}. It goes away at the end of the first start.\nssh_deletekeys: false\n"
        );
        if self.has_password {
            text += "ssh_pwauth: true\n";
        }
        if self.has_root_keys {
            text += "disable_root: false\n";
        }
        let mut user = String::new();
        if self.unlocks_default_user {
            user += "    lock_passwd: false\n";
        }
        if let Some(hash) = self.hash {
            user += &format!("    passwd: {}\n", quoted(hash.expose()));
        }
        user += &list("ssh_authorized_keys", self.keys, "    ");
        if !user.is_empty() {
            text += "system_info:\n  default_user:\n";
            text += &user;
        }
        Secret::new(text)
    }
}

/// The script at [`CLEAN_UP`]. The seed has to stay for cloud-init to know the machine again.
#[must_use]
pub fn clean_up() -> String {
    format!(
        "#!/bin/sh\n# {MARK}: takes away what only the first start needs.\n\
         : > {SEED}/user-data\nrm -f {FIRST_START} {CLEAN_UP}\n"
    )
}

/// What the image has for cloud-init to hand a network configuration on to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Means {
    /// netplan, which takes version 2 as it is.
    pub netplan: bool,
    /// Nothing that would tell of a route which could not be set.
    pub loses_routes: bool,
}

/// `network-config` for these interfaces, or why the image's cloud-init cannot be told of them.
///
/// # Errors
/// Why not.
pub fn network(found: &CloudInit, nics: &[Nic], means: Means) -> Result<String, &'static str> {
    if let Some(reason) = found.no_network {
        return Err(reason);
    }
    let knows_all = found.version.is_some_and(|version| version >= HAS_IPV6);
    if !knows_all && nics.iter().any(|nic| nic.ipv6 != Ipv6::None) {
        return Err("its cloud-init is too old for IPv6");
    }
    if means.loses_routes && nics.iter().any(|nic| !nic.routes.is_empty()) {
        return Err(
            "its cloud-init sets routes by the program route, which the image does not have",
        );
    }
    if !cloud_init::needs_version2(nics) {
        return Ok(cloud_init::version1(nics));
    }
    if means.netplan && knows_all {
        return Ok(cloud_init::version2(nics));
    }
    Err("its cloud-init has no words for a gateway outside the network")
}

/// A list of texts below a key, or nothing.
fn list(key: &str, items: &[&str], indent: &str) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut text = format!("{indent}{key}:\n");
    for item in items {
        text += &format!("{indent}  - {}\n", quoted(item));
    }
    text
}

/// A string of JSON is one of YAML too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
