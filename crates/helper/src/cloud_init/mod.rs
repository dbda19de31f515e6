//! cloud-init of the image: whether it is there, and what it is told.
//!
//! It finds everything in the seed directory of its datasource NoCloud, which all its releases since
//! 2014 know. What it would undo of the other tasks' work is said in its own configuration.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Properties;

mod configuration;
pub mod detect;
pub mod leftover;
pub mod seed;
#[cfg(test)]
pub(crate) mod tests;

/// The seed directory, which is read before the network is up.
pub const SEED: &str = "/var/lib/cloud/seed/nocloud";

/// Says that NoCloud is the only datasource. It stays.
pub const PIN: &str = "/etc/cloud/cloud.cfg.d/zz-snf-image.cfg";

/// What only the first start needs. It may hold the hash of a password.
pub const FIRST_START: &str = "/etc/cloud/cloud.cfg.d/zz-snf-image-first-start.cfg";

/// Takes the secrets away at the end of the first start.
pub const CLEAN_UP: &str = "/var/lib/cloud/scripts/per-instance/zz-snf-image";

/// Tells `ds-identify`, which decides before cloud-init whether it is started at all.
pub const IDENTIFY: &str = "/etc/cloud/ds-identify.cfg";

/// Directories and links in which cloud-init keeps what it did for the machine that the image was
/// made on, and older seeds.
pub const STALE: [&str; 5] = [
    "/var/lib/cloud/instance",
    "/var/lib/cloud/instances",
    "/var/lib/cloud/data",
    "/var/lib/cloud/sem",
    "/var/lib/cloud/seed",
];

/// What is known of the image's cloud-init.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudInit {
    /// Its release, such as 22.4; `None` when that is not to be found out.
    pub version: Option<(u32, u32)>,
    /// The user that it makes when the machine starts for the first time.
    pub default_user: Option<String>,
    /// Why it does not configure the network, if it does not.
    pub no_network: Option<&'static str>,
}

impl CloudInit {
    /// Whether the keys go to the user that it makes: nobody else was named, and there is one.
    #[must_use]
    pub fn takes_keys(&self, properties: &Properties) -> bool {
        self.default_user.is_some() && properties.users().is_ok_and(|users| users.is_none())
    }
}
