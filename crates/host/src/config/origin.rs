//! Where a value of the configuration comes from.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::path::PathBuf;

use snf_image_protocol::Secret;

/// Where a value comes from. A later one in this list wins over an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// A configuration file, or that of a variant.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Ganeti's environment.
    OsParameter,
    /// What config_url led to.
    ConfigUrl,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => formatter.write_str("default"),
            Origin::File { path, line } => write!(formatter, "{}: line {line}", path.display()),
            Origin::OsParameter => formatter.write_str("OS parameter"),
            Origin::ConfigUrl => formatter.write_str("config_url"),
        }
    }
}

/// The value of an OS parameter. Any of them may be or hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The value.
    pub value: Secret,
    /// Where it comes from.
    pub origin: Origin,
}
