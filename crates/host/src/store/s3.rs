//! What a file says about a store that speaks S3, under the names that its tools use.
// SPDX-License-Identifier: BSD-2-Clause

use serde::{Deserialize, Serialize};
use snf_image_protocol::Secret;

use super::file::Entries;

/// A store that speaks S3, and what lets this node in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct S3 {
    /// AWS_ENDPOINT_URL
    pub endpoint: String,
    /// AWS_REGION
    pub region: String,
    /// Whether the bucket stands in the path of a URL (PATH_STYLE), not in its host.
    pub path_style: bool,
    /// None for objects that are open to all.
    pub credentials: Option<Credentials>,
}

/// A key of S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// AWS_ACCESS_KEY_ID
    pub key: String,
    /// AWS_SECRET_ACCESS_KEY
    pub secret: Secret,
    /// AWS_SESSION_TOKEN
    pub token: Option<Secret>,
}

impl S3 {
    pub(super) fn new(entries: &Entries) -> Result<Self, String> {
        let key = entries.get("AWS_ACCESS_KEY_ID");
        let secret = entries.secret("AWS_SECRET_ACCESS_KEY");
        let credentials = match (key, secret) {
            (Some(key), Some(secret)) => Some(Credentials {
                key: key.into(),
                secret,
                token: entries.secret("AWS_SESSION_TOKEN"),
            }),
            (None, None) => None,
            _ => {
                return Err("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY need each other".into());
            }
        };
        Ok(S3 {
            endpoint: (entries.service("AWS_ENDPOINT_URL")?)
                .ok_or("AWS_ENDPOINT_URL is missing")?,
            // What stores without regions expect.
            region: entries.get("AWS_REGION").unwrap_or("us-east-1").into(),
            path_style: entries.is_on("PATH_STYLE", true)?,
            credentials,
        })
    }
}
