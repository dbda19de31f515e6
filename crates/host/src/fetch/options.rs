//! How images are fetched on this node, as its settings say.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::policy::Policy;
use crate::config::Settings;
use crate::small_file::{ReadError, read_bounded};

/// How long a first retry waits.
const PAUSE: Duration = Duration::from_secs(1);

/// The largest FETCH_CA_FILE, in bytes: that of a whole system has a quarter of it.
const LARGEST_CA_FILE: usize = 512 << 10;

/// How images are fetched on this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Where from.
    pub policy: Policy,
    /// The URL of a proxy.
    pub proxy: Option<String>,
    /// The certificates of the authorities to trust instead of the system's, in PEM.
    pub authorities: Option<String>,
    /// How long a server may take to answer, and to send anything at all.
    pub patience: Duration,
    /// How long to wait before the first of the further attempts; each waits twice as long as the
    /// one before.
    pub pause: Duration,
}

/// FETCH_CA_FILE cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// It cannot be read.
    #[error("the certificates of FETCH_CA_FILE: {0}")]
    Read(#[from] ReadError),
    /// It is something else.
    #[error("FETCH_CA_FILE {0} does not hold certificates in PEM")]
    NotText(PathBuf),
}

impl Options {
    /// What the settings say; FETCH_CA_FILE is read.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, OptionsError> {
        let ca_file = &settings.fetch_ca_file;
        let given = Some(ca_file).filter(|path| !path.as_os_str().is_empty());
        Ok(Options {
            policy: Policy {
                allow: settings.fetch_allow.clone(),
                deny: settings.fetch_deny.clone(),
            },
            proxy: Some(settings.fetch_proxy.clone()).filter(|proxy| !proxy.is_empty()),
            authorities: given.map(|path| read(path)).transpose()?,
            patience: settings.fetch_timeout,
            pause: PAUSE,
        })
    }
}

fn read(path: &Path) -> Result<String, OptionsError> {
    let (content, _) = read_bounded(path, LARGEST_CA_FILE)?;
    String::from_utf8(content).map_err(|_| OptionsError::NotText(path.into()))
}
