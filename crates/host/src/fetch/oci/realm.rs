//! Which services of tokens may see the login of a registry.
//!
//! What a registry says is not enough: whoever has got hold of it, or of the way to it, would have the
//! node send its password anywhere.
// SPDX-License-Identifier: BSD-2-Clause

use crate::source::Url;
use crate::store::Registry;

/// Docker Hub's registry and its service of tokens.
/// <https://distribution.github.io/distribution/spec/auth/token/>
const DOCKER_HUB: (&str, &str) = ("registry-1.docker.io", "auth.docker.io");

/// Whether the login of the registry at `base` may be sent to `realm`.
pub(super) fn may_see_login(registry: &Registry, base: &Url, realm: &Url) -> bool {
    let is_encrypted = realm.scheme() == "https";
    let (hub, tokens) = DOCKER_HUB;
    realm.has_origin_of(base)
        || (is_encrypted && realm.host() == base.host())
        || (is_encrypted && base.host() == hub && realm.host() == tokens && realm.port() == 443)
        || listed(registry).any(|listed| realm.has_origin_of(&listed))
}

/// The services that the administrator has written down; without TLS where the registry is too.
pub(super) fn listed(registry: &Registry) -> impl Iterator<Item = Url> {
    let schemes: &[&str] = if registry.plain_http {
        &["https", "http"]
    } else {
        &["https"]
    };
    (registry.token_hosts.iter()).flat_map(move |host| {
        (schemes.iter()).filter_map(move |scheme| Url::parse(&format!("{scheme}://{host}/")).ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(registry: &Registry, base: &str, realm: &str) -> bool {
        let url = |text| Url::parse(text).unwrap();
        may_see_login(registry, &url(base), &url(realm))
    }

    #[test]
    fn a_login_goes_to_the_registry_s_own_host_and_to_what_is_listed() {
        let open = Registry::default();
        let listed = Registry {
            token_hosts: vec!["gitlab.example.org".into(), "tokens.lan:8443".into()],
            ..Registry::default()
        };
        let plain = Registry {
            plain_http: true,
            ..listed.clone()
        };
        let hub = "https://registry-1.docker.io/v2/";
        for (registry, base, realm, expected) in [
            (&open, "https://r.lan/v2/", "https://r.lan/token", true),
            (&open, "https://r.lan/v2/", "https://r.lan:8443/t", true),
            (
                &open,
                "https://r.lan/v2/",
                "https://r.lan.evil.org/t",
                false,
            ),
            (
                &open,
                "https://r.lan/v2/",
                "https://auth.docker.io/t",
                false,
            ),
            (&open, hub, "https://auth.docker.io/token", true),
            (&open, hub, "https://auth.docker.io:444/token", false),
            (&open, hub, "http://auth.docker.io/token", false),
            (&open, "http://r.lan/v2/", "http://r.lan/token", true),
            (&open, "http://r.lan/v2/", "http://r.lan:8080/t", false),
            (
                &listed,
                "https://r.lan/",
                "https://gitlab.example.org/jwt",
                true,
            ),
            (
                &listed,
                "https://r.lan/",
                "http://gitlab.example.org/jwt",
                false,
            ),
            (&listed, "https://r.lan/", "https://tokens.lan:8443/", true),
            (&listed, "https://r.lan/", "https://tokens.lan/", false),
            (
                &plain,
                "http://r.lan/",
                "http://gitlab.example.org/jwt",
                true,
            ),
        ] {
            assert_eq!(may(registry, base, realm), expected, "{base} {realm}");
        }
    }
}
