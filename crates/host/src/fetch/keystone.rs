//! Tokens of Keystone: one request and its answer, by version 3 of the Identity API.
//!
//! <https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management>
// SPDX-License-Identifier: BSD-2-Clause

use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::header::{CONTENT_TYPE, HeaderName};

use super::client::{Client, bounded, refused, text};
use super::download::Trouble;
use super::swift::Session;
use crate::source::Url;
use crate::store::{Domain, Identity, Keystone, Named};

const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// The largest answer, in bytes: the catalogue of a large cloud has a hundredth.
const LARGEST: u64 = 4 << 20;

/// The part of an answer that is used.
#[derive(Deserialize)]
struct Answer {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    catalog: Vec<Service>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    endpoints: Vec<ServiceEndpoint>,
}

#[derive(Deserialize)]
struct ServiceEndpoint {
    interface: String,
    #[serde(default)]
    region: Option<String>,
    url: String,
}

/// Asks for a token, and for where the store is.
pub(super) fn log_in(
    client: &Client,
    keystone: &Keystone,
    again: bool,
) -> Result<Session, Trouble> {
    let url = format!("{}/auth/tokens", keystone.url);
    let url = Url::parse(&url).map_err(|error| Trouble::Final(error.to_string()))?;
    let headers = [(CONTENT_TYPE, "application/json".to_owned())];
    let question = question(keystone).to_string();
    let answer = client.post(&url, &headers, question.as_bytes(), again)?;
    if !answer.status().is_success() {
        return Err(refused(answer.status()));
    }
    let token = text(answer.headers(), SUBJECT_TOKEN).map(str::to_owned);
    if token.is_none() {
        return Err(Trouble::Final("the server gives none".into()));
    }
    let body = bounded(answer.into_body(), LARGEST)?;
    Ok(Session {
        storage: store(&body, keystone),
        token,
    })
}

fn question(keystone: &Keystone) -> Value {
    let identity = match &keystone.identity {
        Identity::Password(user, password) => {
            let mut user = named(user);
            if let Some(user) = user.as_object_mut() {
                user.insert("password".into(), password.expose().into());
            }
            json!({"methods": ["password"], "password": {"user": user}})
        }
        Identity::Application(id, secret) => json!({
            "methods": ["application_credential"],
            "application_credential": {"id": id, "secret": secret.expose()},
        }),
    };
    let mut auth = json!({"identity": identity});
    if let (Some(auth), Some(project)) = (auth.as_object_mut(), &keystone.project) {
        auth.insert("scope".into(), json!({"project": named(project)}));
    }
    json!({"auth": auth})
}

fn named(named: &Named) -> Value {
    match named {
        Named::Id(id) => json!({"id": id}),
        Named::Name(name, Domain::Id(id)) => json!({"name": name, "domain": {"id": id}}),
        Named::Name(name, Domain::Name(domain)) => {
            json!({"name": name, "domain": {"name": domain}})
        }
    }
}

/// Where the store is, by the catalogue in an answer.
fn store(answer: &[u8], keystone: &Keystone) -> Option<String> {
    let answer: Answer = serde_json::from_slice(answer).ok()?;
    let stores = (answer.token.catalog.into_iter())
        .filter(|service| service.kind == "object-store")
        .flat_map(|service| service.endpoints);
    let mut fitting = stores.filter(|endpoint| {
        endpoint.interface == keystone.interface
            && (keystone.region.is_none() || endpoint.region == keystone.region)
    });
    fitting.next().map(|endpoint| endpoint.url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use snf_image_protocol::Secret;

    fn keystone(region: Option<&str>) -> Keystone {
        Keystone {
            url: "https://cloud.example.org/v3".into(),
            identity: Identity::Application("id".into(), Secret::new("hunter2".into())),
            project: None,
            region: region.map(str::to_owned),
            interface: "public".into(),
        }
    }

    #[test]
    fn the_store_of_the_region_is_taken() {
        let answer = json!({"token": {"methods": ["password"], "catalog": [
            {"type": "image", "endpoints": [{"interface": "public", "region": "b", "url": "http://x"}]},
            {"type": "object-store", "name": "swift", "endpoints": [
                {"interface": "internal", "region": "a", "url": "http://inner"},
                {"interface": "public", "region": "a", "url": "http://a"},
                {"interface": "public", "region": "b", "url": "http://b"},
            ]},
        ]}});
        let answer = answer.to_string();
        let found = |region| store(answer.as_bytes(), &keystone(region));
        assert_eq!(found(None).as_deref(), Some("http://a"));
        assert_eq!(found(Some("b")).as_deref(), Some("http://b"));
        assert_eq!(found(Some("c")), None);
        for answer in [
            "",
            "[]",
            "{\"token\": {\"catalog\": [1]}}",
            "{\"token\": {}}",
        ] {
            assert_eq!(store(answer.as_bytes(), &keystone(None)), None);
        }
    }

    #[test]
    fn an_application_credential_brings_its_own_project() {
        let expected = json!({"auth": {"identity": {
            "methods": ["application_credential"],
            "application_credential": {"id": "id", "secret": "hunter2"},
        }}});
        assert_eq!(question(&keystone(None)), expected);
    }
}
