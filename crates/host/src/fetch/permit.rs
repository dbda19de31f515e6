//! Where one download may connect to: where the policy permits, and to its own endpoints.
// SPDX-License-Identifier: BSD-2-Clause

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::policy::{Policy, Refusal};
use crate::source::Url;

/// A host and a port that the administrator has written down for a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// That of a URL.
    pub(super) fn of(url: &Url) -> Self {
        Endpoint {
            host: url.host().into(),
            port: url.port(),
        }
    }
}

/// What one download may connect to.
#[derive(Debug, Clone)]
pub(super) struct Permit {
    policy: Policy,
    endpoints: Vec<Endpoint>,
}

impl Permit {
    pub(super) fn new(policy: &Policy, endpoints: Vec<Endpoint>) -> Self {
        Permit {
            policy: policy.clone(),
            endpoints,
        }
    }

    /// Whether the host of a URL may be asked; see [`Policy::check_host`].
    pub(super) fn check_host(&self, url: &Url) -> Result<(), Refusal> {
        if self.is_endpoint(url.host(), url.port()) {
            return Ok(());
        }
        self.policy.check_host(url.host())
    }

    /// Whether a connection may be made to this port of `address`, which `host` leads to.
    pub(super) fn check(&self, host: &str, port: u16, address: IpAddr) -> Result<(), Refusal> {
        if self.is_endpoint(host, port) {
            return Ok(());
        }
        self.policy.check(host, address)
    }

    fn is_endpoint(&self, host: &str, port: u16) -> bool {
        (self.endpoints.iter()).any(|endpoint| endpoint.host == host && endpoint.port == port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_one_port_of_one_host() {
        let endpoint = Endpoint::of(&Url::parse("https://store.lan/").unwrap());
        let permit = Permit::new(&Policy::default(), vec![endpoint]);
        let private = "10.0.0.1".parse().unwrap();
        assert!(permit.check("store.lan", 443, private).is_ok());
        assert!(permit.check("store.lan", 22, private).is_err());
        assert!(permit.check("other.lan", 443, private).is_err());
        assert!(permit.check("10.0.0.1", 443, private).is_err());
    }
}
