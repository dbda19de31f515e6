//! `http://` and `https://`, for disks that are only read.
// SPDX-License-Identifier: BSD-2-Clause

use std::fmt;
use std::path::PathBuf;

use serde_json::json;

use super::RESOLVER;
use crate::exporter::Protocol;
use crate::source::Url;

/// Where certificates of authorities are.
const CERTIFICATES: [&str; 3] = [
    "/etc/ssl",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Http(Url);

/// Reads the whole URI.
pub(super) fn parse(text: &str) -> Result<Http, &'static str> {
    let url = Url::parse(text).map_err(|_| "is no URL")?;
    Ok(Http(url))
}

impl Http {
    pub(super) fn protocol(&self) -> Protocol {
        let url = self.0.expose();
        let driver = if url.starts_with("https") {
            "https"
        } else {
            "http"
        };
        let mut readable: Vec<PathBuf> = RESOLVER.map(PathBuf::from).into();
        readable.extend(CERTIFICATES.map(PathBuf::from));
        Protocol {
            options: json!({ "driver": driver, "url": url }),
            secrets: Vec::new(),
            socket: None,
            network: true,
            own_places: false,
            readable,
            read_only: true,
        }
    }
}

impl fmt::Display for Http {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
