//! What a file says about a registry.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::Path;

use serde::{Deserialize, Serialize};
use snf_image_protocol::Secret;

use super::artifact::{Artifact, is_registry};
use super::error::StoreError;
use super::file::{self, Entries, Kind};

/// A registry, and what lets this node in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// Whether the administrator has written it down.
    pub is_known: bool,
    /// Whether it is spoken to without TLS (PLAIN_HTTP).
    pub plain_http: bool,
    /// USERNAME and PASSWORD.
    pub login: Option<(String, Secret)>,
    /// The hosts, with or without a port, of services of tokens that may see the login (TOKEN_HOSTS).
    pub token_hosts: Vec<String>,
}

impl Registry {
    /// What the first of the files says that speaks of the registry and lists the repository. A registry that
    /// no file speaks of is asked as anybody may.
    pub(super) fn find(artifact: &Artifact, directory: &Path) -> Result<Self, StoreError> {
        let mut is_known = false;
        for (path, entries) in file::all(directory, Kind::Oci)? {
            let wrong = |reason: String| StoreError::Content {
                path: path.clone(),
                reason,
            };
            let registry = entries.required("REGISTRY").map_err(wrong)?;
            if !is_registry(registry) {
                let reason = "REGISTRY is a host, or a host and a port";
                return Err(wrong(reason.into()));
            }
            if !registry.eq_ignore_ascii_case(&artifact.registry) {
                continue;
            }
            is_known = true;
            let listed = entries.required("REPOSITORIES").map_err(wrong)?;
            if lists(listed, &artifact.repository) {
                return Registry::new(&entries).map_err(wrong);
            }
        }
        if is_known {
            return Err(StoreError::Unknown {
                what: format!("repository {}/{}", artifact.registry, artifact.repository),
                ending: "oci",
                list: "REPOSITORIES",
                directory: directory.into(),
            });
        }
        Ok(Registry::default())
    }

    fn new(entries: &Entries) -> Result<Self, String> {
        let login = match (entries.get("USERNAME"), entries.secret("PASSWORD")) {
            (Some(user), Some(_)) if user.contains(':') => {
                return Err("USERNAME holds a colon".into());
            }
            (Some(user), Some(password)) => Some((user.into(), password)),
            (None, None) => None,
            _ => return Err("USERNAME and PASSWORD need each other".into()),
        };
        let token_hosts = entries.get("TOKEN_HOSTS").unwrap_or_default();
        let token_hosts: Vec<String> = token_hosts.split_whitespace().map(Into::into).collect();
        if !token_hosts.iter().all(|host| is_registry(host)) {
            return Err("TOKEN_HOSTS lists hosts, or hosts and ports".into());
        }
        Ok(Registry {
            is_known: true,
            plain_http: entries.is_on("PLAIN_HTTP", false)?,
            login,
            token_hosts,
        })
    }
}

/// Whether a list holds `*`, the repository, or with a slash at its end what the repository is below.
fn lists(list: &str, repository: &str) -> bool {
    list.split_whitespace().any(|listed| {
        listed == "*"
            || listed == repository
            || (listed.ends_with('/') && repository.starts_with(listed))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_listed_by_name_or_by_what_they_are_below() {
        for (list, listed) in [
            ("*", true),
            ("a/b", true),
            ("x a/", true),
            ("a", false),
            ("a/b/", false),
            ("a/bc", false),
            ("", false),
        ] {
            assert_eq!(lists(list, "a/b"), listed, "{list}");
        }
    }
}
