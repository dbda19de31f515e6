//! OS parameters from a URL, the OS parameter config_url.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;
use std::time::Duration;

use serde_json::{Map, Value};
use snf_image_protocol::Secret;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};

use super::parameters::Values;
use crate::config::{Given, Origin, os_parameters};

/// The most that is read, in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// How often a server may send elsewhere.
const MAX_REDIRECTS: u32 = 5;

/// How long it may take to reach a server, and all of it together.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(60);

/// Parameters that hold JSON, and so may be JSON there.
const JSON: [&str; 3] = ["img_properties", "inst_properties", "img_personality"];

/// Why no parameters came. The URL may hold a password or a token and is never shown whole.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// Not a URL of a kind that is followed.
    #[error("config_url is not an http or https URL")]
    Scheme,
    /// Nothing usable came.
    #[error("config_url: fetching from {server}: {reason}")]
    Fetch {
        /// Its scheme, host and port.
        server: String,
        /// What went wrong.
        reason: String,
    },
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

/// Fetches parameters: a JSON object of at most 1 MiB, its server known by a certificate of
/// the system's when the URL says https.
///
/// # Errors
/// See [`UrlError`].
pub fn fetch(url: &str) -> Result<Values, UrlError> {
    if !is_followed(url) {
        return Err(UrlError::Scheme);
    }
    let server = shown(url);
    let body = get(url).map_err(|fault| UrlError::Fetch {
        server: server.clone(),
        reason: reason(fault),
    })?;
    parse(&body).map_err(|reason| UrlError::Content { server, reason })
}

fn get(url: &str) -> Result<Vec<u8>, ureq::Error> {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let agent = ureq::Agent::config_builder()
        .tls_config(tls)
        // Only what the administrator wrote into the URL decides where this goes.
        .proxy(None)
        .max_redirects(MAX_REDIRECTS)
        .timeout_connect(Some(CONNECT_LIMIT))
        .timeout_global(Some(LIMIT))
        .user_agent(concat!("snf-image/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent();
    let mut response = agent.get(url).call()?;
    response
        .body_mut()
        .with_config()
        .limit(MAX_SIZE)
        .read_to_vec()
}

/// The words for a failure. Those of other errors could quote the URL.
fn reason(fault: ureq::Error) -> String {
    match fault {
        ureq::Error::StatusCode(code) => format!("the server answered with status {code}"),
        ureq::Error::Timeout(which) => format!("it took too long ({which})"),
        ureq::Error::HostNotFound => "the host is not known".into(),
        ureq::Error::ConnectionFailed => "there is no connection".into(),
        ureq::Error::TooManyRedirects => format!("more than {MAX_REDIRECTS} redirections"),
        ureq::Error::BodyExceedsLimit(_) => "the answer is larger than 1 MiB".into(),
        ureq::Error::Io(error) => tls_or_io(&error),
        ureq::Error::Rustls(error) => error.to_string(),
        ureq::Error::Tls(error) => error.into(),
        _ => "the request failed".into(),
    }
}

fn tls_or_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused".into(),
        _ => error.to_string(),
    }
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
        let shown: String = key.chars().take(80).collect();
        let name = match os_parameters::named(&key) {
            Some("config_url") => {
                return Err("holds config_url again, which is not followed".into());
            }
            Some(name) => name,
            None => return Err(format!("holds {shown:?}, which is no OS parameter")),
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
