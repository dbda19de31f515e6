//! OS parameters from a URL, the OS parameter config_url.
// SPDX-License-Identifier: BSD-2-Clause

use serde_json::{Map, Value};
use snf_image_protocol::Secret;
use snf_image_sandbox::User;
use ureq::http::Uri;

use super::parameters::Values;
use crate::cancel::Cancel;
use crate::config::{Given, Origin, Settings, os_parameters};
use crate::fetch::Location;
use crate::source::Url;
use crate::verification::fetch_whole;

/// The most that is read, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// Parameters that hold JSON, and so may be JSON there.
const JSON: [&str; 3] = ["img_properties", "inst_properties", "img_personality"];

/// Why no parameters came. The URL may hold a password or a token and is never shown whole.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// Not a URL of a kind that is followed.
    #[error("config_url is not an http or https URL")]
    Scheme,
    /// Nothing usable came.
    #[error("config_url: {0}")]
    Fetch(String),
    /// Somebody asked to stop.
    #[error("interrupted while config_url was fetched: the target is untouched")]
    Interrupted,
    /// Not what is expected; without any of its content.
    #[error("config_url: what {server} sent {reason}")]
    Content {
        /// Its scheme, host and port.
        server: String,
        /// What is wrong.
        reason: String,
    },
}

/// Scheme, host and port of a URL: what may be shown of it.
#[must_use]
pub fn shown(url: &str) -> String {
    let uri: Option<Uri> = url.parse().ok();
    let part = uri
        .as_ref()
        .and_then(|uri| Some((uri.scheme_str()?, uri.host()?, uri.port())));
    match part {
        Some((scheme, host, Some(port))) => format!("{scheme}://{host}:{port}"),
        Some((scheme, host, None)) => format!("{scheme}://{host}"),
        None => "a URL that is not valid".into(),
    }
}

/// Whether this is a URL that is followed.
#[must_use]
pub fn is_followed(url: &str) -> bool {
    let uri: Option<Uri> = url.parse().ok();
    uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
    })
}

/// Fetches parameters: a JSON object of at most 1 MiB, as images are fetched, by a confined process of
/// HELPER_USER and from where the settings permit it.
///
/// # Errors
/// See [`UrlError`].
pub fn fetch(url: &str, settings: &Settings, cancel: &Cancel) -> Result<Values, UrlError> {
    if !is_followed(url) {
        return Err(UrlError::Scheme);
    }
    let failed = |error: &dyn std::fmt::Display| UrlError::Fetch(error.to_string());
    let user = User::lookup(&settings.helper_user).map_err(|error| failed(&error))?;
    let server = shown(url);
    let url = Url::parse(url).map_err(|error| failed(&error))?;
    // Its path may be a secret too.
    let location = Location::from(&url).called(server.clone());
    let body = fetch_whole(location, MAX_SIZE, settings, &user, cancel);
    let body = body.map_err(|error| match error {
        error if error.is_cancelled() => UrlError::Interrupted,
        error => failed(&error),
    })?;
    parse(&body).map_err(|reason| UrlError::Content { server, reason })
}

/// Reads the object. Keys are names of parameters in any case.
fn parse(body: &[u8]) -> Result<Values, String> {
    let object: Map<String, Value> = serde_json::from_slice(body).map_err(|fault| {
        format!(
            "is not a JSON object at line {}, column {}",
            fault.line(),
            fault.column()
        )
    })?;
    let mut values = Values::new();
    for (key, value) in object {
        let name = match os_parameters::named(&key) {
            Some("config_url") => {
                return Err("holds config_url again, which is not followed".into());
            }
            Some(name) => name,
            // It may be a password that stands in the wrong place.
            None => return Err("holds a name that is no OS parameter".into()),
        };
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Array(_) | Value::Object(_) if JSON.contains(&name) => value.to_string(),
            _ => return Err(format!("holds a value of {name} that is not text")),
        };
        let (value, origin) = (Secret::new(text), Origin::ConfigUrl);
        if values.insert(name, Given { value, origin }).is_some() {
            return Err(format!("holds {name} twice"));
        }
    }
    Ok(values)
}

#[cfg(test)]
#[path = "config_url_tests.rs"]
mod tests;
