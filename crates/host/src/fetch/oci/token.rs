//! What a registry wants to see before it gives anything: a password, or a token that another service
//! gives.
//!
//! <https://distribution.github.io/distribution/spec/auth/token/>
// SPDX-License-Identifier: BSD-2-Clause

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::http::header::AUTHORIZATION;

use super::super::client::{Client, Header, bounded, refused};
use super::super::download::Trouble;
use super::realm;
use crate::source::Url;
use crate::store::Registry;

/// The largest answer with a token, in bytes.
const LARGEST: u64 = 256 << 10;

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

/// The value of the header that the registry at `base` asks for with `challenge`.
pub(super) fn authorization(
    client: &Client,
    challenge: &str,
    registry: &Registry,
    base: &Url,
    scope: &str,
    again: bool,
) -> Result<String, Trouble> {
    let wrong = |reason: &str| Trouble::Final(format!("the registry asks for a token: {reason}"));
    let basic = registry.login.as_ref().map(|(user, password)| {
        let pair = format!("{user}:{}", password.expose());
        format!("Basic {}", STANDARD.encode(pair))
    });
    let (scheme, rest) = challenge.split_once(' ').unwrap_or((challenge, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return basic.ok_or_else(|| {
            Trouble::Final(
                "the registry wants a user and a password: a file *.oci in STORES_DIR can hold them"
                    .into(),
            )
        });
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(wrong("by a way that is not known here"));
    }
    let mut url = parameter(rest, "realm")
        .and_then(|realm| Url::parse(realm).ok())
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| wrong("without saying where it is given"))?;
    if base.scheme() == "https" && url.scheme() != "https" {
        return Err(wrong("at a place that nothing protects on the way"));
    }
    if basic.is_some() && !realm::may_see_login(registry, base, &url) {
        return Err(Trouble::Final(format!(
            "the registry sends to {url} for a token, which may not see its password: where that is right, list \
             that host as TOKEN_HOSTS in the registry's file *.oci in STORES_DIR"
        )));
    }
    url.ask("scope", scope);
    if let Some(service) = parameter(rest, "service") {
        url.ask("service", service);
    }
    let headers: Vec<Header> = (basic.into_iter())
        .map(|value| (AUTHORIZATION, value))
        .collect();
    let failed = |trouble: Trouble| trouble.behind(&format!("asking {url} for a token"));
    let answer = client.get(&url, &headers, again).map_err(failed)?;
    if !answer.status().is_success() {
        return Err(failed(refused(answer.status())));
    }
    let body = bounded(answer.into_body(), LARGEST).map_err(failed)?;
    let answer: Option<Answer> = serde_json::from_slice(&body).ok();
    let token = answer.and_then(|answer| answer.token.or(answer.access_token));
    token
        .filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()))
        .map(|token| format!("Bearer {token}"))
        .ok_or_else(|| failed(Trouble::Final("it gives none".into())))
}

/// The value of `name="value"` in a list with commas between.
fn parameter<'text>(list: &'text str, name: &str) -> Option<&'text str> {
    let mut rest = list;
    loop {
        let (found, behind) = rest.split_once('=')?;
        let (value, behind) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => behind.split_at(behind.find(',').unwrap_or(behind.len())),
        };
        if found.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = behind.trim_start_matches([',', ' ']);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_a_challenge_are_found() {
        let list =
            "realm=\"https://auth.example.org/token\",service=\"a, b=c\", Scope=x,error=\"y\"";
        for (name, value) in [
            ("realm", Some("https://auth.example.org/token")),
            ("service", Some("a, b=c")),
            ("scope", Some("x")),
            ("error", Some("y")),
            ("b", None),
        ] {
            assert_eq!(parameter(list, name), value, "{name}");
        }
        for list in ["", "realm", "realm=\"open", "=,=,=", "realm=\"a\"x=\"b\""] {
            let _ = parameter(list, "service");
        }
    }
}
