//! What a file says about an OpenStack Swift, or another store with its API, under the names that its
//! tools use.
// SPDX-License-Identifier: BSD-2-Clause

use serde::{Deserialize, Serialize};
use snf_image_protocol::Secret;

use super::file::Entries;

/// A store with Swift's API, and what lets this node in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swift {
    /// OS_STORAGE_URL: the account, where it is not the one that the service of tokens names.
    pub storage: Option<String>,
    /// How a token is had.
    pub login: Login,
}

/// How a token is had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Login {
    /// It is not: everybody may read.
    Open,
    /// It was given once and for all.
    Token(Secret),
    /// From Swift itself, as version 1 of its authentication has it.
    Tempauth {
        /// ST_AUTH
        url: String,
        /// ST_USER
        user: String,
        /// ST_KEY
        key: Secret,
    },
    /// From Keystone, by version 3 of its API.
    Keystone(Box<Keystone>),
}

/// What Keystone is told, and what of its answer is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keystone {
    /// OS_AUTH_URL, which ends with `/v3`.
    pub url: String,
    /// Who this is.
    pub identity: Identity,
    /// The project that the account belongs to; an application credential has one of its own.
    pub project: Option<Named>,
    /// OS_REGION_NAME: which of several stores.
    pub region: Option<String>,
    /// OS_INTERFACE: which of a store's URLs.
    pub interface: String,
}

/// Who asks for a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// A user, and OS_PASSWORD.
    Password(Named, Secret),
    /// OS_APPLICATION_CREDENTIAL_ID and OS_APPLICATION_CREDENTIAL_SECRET
    Application(String, Secret),
}

/// A user or project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Named {
    /// By its identifier.
    Id(String),
    /// By its name in a domain.
    Name(String, Domain),
}

/// A domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Domain {
    /// By its identifier.
    Id(String),
    /// By its name.
    Name(String),
}

impl Swift {
    pub(super) fn new(entries: &Entries) -> Result<Self, String> {
        let storage = entries.service("OS_STORAGE_URL")?;
        let login = if let Some(token) = entries.secret("OS_AUTH_TOKEN") {
            Login::Token(token)
        } else if let Some(url) = entries.service("ST_AUTH")? {
            Login::Tempauth {
                url,
                user: entries.required("ST_USER")?.into(),
                key: secret(entries, "ST_KEY")?,
            }
        } else if let Some(url) = entries.service("OS_AUTH_URL")? {
            Login::Keystone(Box::new(Keystone::new(url, entries)?))
        } else {
            Login::Open
        };
        if storage.is_none() && matches!(login, Login::Open | Login::Token(_)) {
            return Err("one of OS_STORAGE_URL, OS_AUTH_URL and ST_AUTH must be given".into());
        }
        Ok(Swift { storage, login })
    }
}

impl Keystone {
    fn new(url: String, entries: &Entries) -> Result<Self, String> {
        let url = url.trim_end_matches('/');
        let url = match url.strip_suffix("/v3") {
            Some(_) => url.to_owned(),
            None => format!("{url}/v3"),
        };
        let identity = match entries.get("OS_APPLICATION_CREDENTIAL_ID") {
            Some(id) => Identity::Application(
                id.into(),
                secret(entries, "OS_APPLICATION_CREDENTIAL_SECRET")?,
            ),
            None => Identity::Password(
                (named(entries, "OS_USER_ID", "OS_USERNAME", "OS_USER_DOMAIN"))
                    .ok_or("OS_USERNAME is missing")?,
                secret(entries, "OS_PASSWORD")?,
            ),
        };
        let project = named(
            entries,
            "OS_PROJECT_ID",
            "OS_PROJECT_NAME",
            "OS_PROJECT_DOMAIN",
        );
        if project.is_none() && matches!(identity, Identity::Password(..)) {
            return Err("OS_PROJECT_NAME is missing".into());
        }
        Ok(Keystone {
            url,
            identity,
            project,
            region: entries.get("OS_REGION_NAME").map(str::to_owned),
            interface: entries.get("OS_INTERFACE").unwrap_or("public").into(),
        })
    }
}

fn secret(entries: &Entries, name: &str) -> Result<Secret, String> {
    entries.required(name)?;
    entries
        .secret(name)
        .ok_or_else(|| format!("{name} is missing"))
}

fn named(entries: &Entries, id: &str, name: &str, domain: &str) -> Option<Named> {
    if let Some(id) = entries.get(id) {
        return Some(Named::Id(id.into()));
    }
    let of_domain = |suffix| entries.get(&format!("{domain}_{suffix}"));
    let domain = match (of_domain("ID"), of_domain("NAME")) {
        (Some(id), _) => Domain::Id(id.into()),
        (None, Some(name)) => Domain::Name(name.into()),
        // That of a Keystone which knows of no others.
        (None, None) => Domain::Id("default".into()),
    };
    Some(Named::Name(entries.get(name)?.into(), domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swift(text: &str) -> Result<Swift, String> {
        Swift::new(&Entries::parse(&Secret::new(text.into()))?)
    }

    #[test]
    fn the_file_that_openstack_gives_to_users_is_understood() {
        let text = "export OS_AUTH_URL=https://cloud.example.org:5000/v3/\n\
                    export OS_PROJECT_NAME=\"images\"\nexport OS_USER_DOMAIN_NAME=\"People\"\n\
                    export OS_PROJECT_DOMAIN_ID=\"default\"\nexport OS_USERNAME=\"node\"\n\
                    export OS_PASSWORD='hunter2'\nexport OS_REGION_NAME=\"one\"\n\
                    export OS_INTERFACE=internal\nexport OS_IDENTITY_API_VERSION=3\n";
        let Login::Keystone(keystone) = swift(text).unwrap().login else {
            panic!("{text}")
        };
        assert_eq!(keystone.url, "https://cloud.example.org:5000/v3");
        let user = Named::Name("node".into(), Domain::Name("People".into()));
        let password = Secret::new("hunter2".into());
        assert_eq!(keystone.identity, Identity::Password(user, password));
        let project = Named::Name("images".into(), Domain::Id("default".into()));
        assert_eq!(keystone.project, Some(project));
        assert_eq!(keystone.interface, "internal");
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, missing) in [
            ("", "OS_STORAGE_URL"),
            ("OS_AUTH_TOKEN=hunter2\n", "OS_STORAGE_URL"),
            ("ST_AUTH=http://x/auth/v1.0\nST_USER=a:b\n", "ST_KEY"),
            ("OS_AUTH_URL=http://x/v3\nOS_USERNAME=a\n", "OS_PASSWORD"),
            (
                "OS_AUTH_URL=http://x/v3\nOS_PASSWORD=hunter2\n",
                "OS_USERNAME",
            ),
            (
                "OS_AUTH_URL=http://x\nOS_USERNAME=a\nOS_PASSWORD=hunter2\n",
                "OS_PROJECT_NAME",
            ),
            ("OS_STORAGE_URL=http://me:hunter2@x/\n", "OS_STORAGE_URL"),
            ("ST_AUTH=hunter2\n", "ST_AUTH"),
        ] {
            let reason = swift(text).unwrap_err();
            assert!(reason.contains(missing), "{text}: {reason}");
            assert!(!reason.contains("hunter2"), "{reason}");
        }
    }
}
