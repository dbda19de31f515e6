//! Everything that the helper is told, as it stands in `parameters.json`.
// SPDX-License-Identifier: BSD-2-Clause

use serde::{Deserialize, Serialize};

use crate::{
    CloudInit, Hostname, InjectedFile, Nic, Properties, PropertyError, Secret, Task, Windows,
};

/// The version of everything in this crate. Host and helper must agree on it.
pub const VERSION: u32 = 5;

/// The label of the ext2 file system on the parameters disk, by which the helper finds it.
pub const PARAMS_LABEL: &str = "SNF-PARAMS";

/// The file on it that holds [`Parameters`] as JSON.
pub const PARAMETERS_FILE: &str = "parameters.json";

/// What one deployment asks of the helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// [`VERSION`] of the host.
    pub version: u32,
    /// The only tasks to run, where not all that there are: a disk that is already a
    /// machine's own is renamed or grown.
    pub only: Option<Vec<Task>>,
    /// The machine's name; without it the image keeps its own.
    pub hostname: Option<Hostname>,
    /// The password of the users, in clear.
    pub password: Option<Secret>,
    /// Their password as crypt(5) hash. At most one of the two is given.
    pub password_hash: Option<Secret>,
    /// Lines for authorized_keys (sshd(8)).
    pub authorized_keys: Vec<String>,
    /// New SSH host keys, drawn for this deployment alone.
    pub host_keys: Vec<HostKey>,
    /// The network interfaces in their order; none when the image keeps its own configuration.
    pub nics: Vec<Nic>,
    /// What to leave out, and what is known about the image.
    pub properties: Properties,
    /// Files to put into the image.
    pub personality: Vec<InjectedFile>,
    /// What only Windows has.
    pub windows: Windows,
    /// The name of the file on the parameters disk that holds the user-data for cloud-init.
    pub user_data: Option<String>,
}

impl Parameters {
    /// Whether the image's own cloud-init is used. User-data, which nobody else would read, counts as yes.
    ///
    /// # Errors
    /// When the property `CLOUD_INIT` has another value than it may have.
    pub fn cloud_init(&self) -> Result<CloudInit, PropertyError> {
        let wanted = self.properties.cloud_init()?.unwrap_or(CloudInit::No);
        Ok(if self.user_data.is_some() {
            CloudInit::Yes
        } else {
            wanted
        })
    }
}

/// One SSH host key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostKey {
    /// As in the name of its file: `rsa`, `ecdsa` or `ed25519`.
    pub algorithm: String,
    /// The private key, as sshd(8) reads it.
    pub private: Secret,
    /// The line of the public key.
    pub public: String,
}
