//! Where may be fetched from: FETCH_ALLOW and FETCH_DENY.
// SPDX-License-Identifier: BSD-2-Clause

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::addresses::{is_public, real};
use crate::config::Rule;

/// What the node's administrator permits. Without rules, the addresses of the whole world.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// FETCH_ALLOW: permitted, whatever kind of address it is.
    pub allow: Vec<Rule>,
    /// FETCH_DENY: refused, whatever FETCH_ALLOW says; but `*` refuses only what that does not
    /// permit.
    pub deny: Vec<Rule>,
}

/// Why a host may not be fetched from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// FETCH_DENY says so.
    #[error("{0} may not be fetched from: FETCH_DENY refuses it")]
    Denied(String),
    /// FETCH_DENY refuses everything, and FETCH_ALLOW does not permit it.
    #[error("{0} may not be fetched from: FETCH_ALLOW does not permit it")]
    NotAllowed(String),
    /// Of a private network, a single link, this machine, or of no use at all.
    #[error("{0} is not an address of the public network: list it in FETCH_ALLOW to fetch from it")]
    Private(String),
}

impl Policy {
    /// Whether `host` may be asked. A name that is neither permitted nor refused is judged by the
    /// addresses that it leads to.
    pub(super) fn check_host(&self, host: &str) -> Result<(), Refusal> {
        if let Ok(address) = host.parse() {
            return self.check(host, address);
        }
        if self.deny.iter().any(|rule| rule.names(host)) {
            return Err(Refusal::Denied(host.into()));
        }
        Ok(())
    }

    /// Whether a connection may be made to `address`, which `host` leads to.
    pub(super) fn check(&self, host: &str, address: IpAddr) -> Result<(), Refusal> {
        let real = real(address);
        let meant = |rule: &Rule| rule.names(host) || rule.holds(address) || rule.holds(real);
        let shown = || match host.parse::<IpAddr>() {
            Ok(_) => host.to_owned(),
            Err(_) => format!("{host} ({address})"),
        };
        let all = |rules: &[Rule]| rules.contains(&Rule::Everything);
        if self.deny.iter().any(meant) {
            Err(Refusal::Denied(shown()))
        } else if self.allow.iter().any(meant) || all(&self.allow) {
            Ok(())
        } else if all(&self.deny) {
            Err(Refusal::NotAllowed(shown()))
        } else if is_public(real) {
            Ok(())
        } else {
            Err(Refusal::Private(shown()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allow: &str, deny: &str) -> Policy {
        let rules = |text: &str| {
            let words = text.split_whitespace();
            words.map(|word| word.parse().unwrap()).collect()
        };
        Policy {
            allow: rules(allow),
            deny: rules(deny),
        }
    }

    fn permits(policy: &Policy, host: &str, address: &str) -> bool {
        let by_host = policy.check_host(host);
        by_host
            .and_then(|()| policy.check(host, address.parse().unwrap()))
            .is_ok()
    }

    #[test]
    fn only_the_public_network_is_open_unless_rules_say_otherwise() {
        for (allow, deny, host, address, permitted) in [
            ("", "", "example.org", "8.8.8.8", true),
            ("", "", "example.org", "10.0.0.1", false),
            ("", "", "example.org", "::ffff:127.0.0.1", false),
            ("10.0.0.0/8", "", "example.org", "10.0.0.1", true),
            ("10.0.0.0/8", "", "example.org", "::ffff:10.0.0.1", true),
            ("10.0.0.0/8", "", "example.org", "192.168.0.1", false),
            ("images", "", "images", "192.168.0.1", true),
            (".lan", "", "a.lan", "192.168.0.1", true),
            (".lan", "a.lan", "a.lan", "192.168.0.1", false),
            ("", "8.8.0.0/16", "example.org", "8.8.8.8", false),
            ("", "8.8.0.0/16", "example.org", "64:ff9b::8.8.8.8", false),
            ("", "*", "example.org", "8.8.8.8", false),
            ("example.org", "*", "example.org", "8.8.8.8", true),
            ("example.org", "*", "other.org", "8.8.8.8", false),
            ("*", "", "localhost", "127.0.0.1", true),
        ] {
            let policy = policy(allow, deny);
            let found = permits(&policy, host, address);
            assert_eq!(found, permitted, "{allow:?} {deny:?} {host} {address}");
        }
    }

    #[test]
    fn a_refusal_says_which_setting_would_permit_it() {
        let refusal = |policy: Policy, host: &str| {
            let refused = policy.check(host, "10.0.0.1".parse().unwrap());
            refused.unwrap_err().to_string()
        };
        assert_eq!(
            refusal(Policy::default(), "inner.example.org"),
            "inner.example.org (10.0.0.1) is not an address of the public network: list it in \
             FETCH_ALLOW to fetch from it"
        );
        assert!(refusal(policy("", "*"), "10.0.0.1").contains("FETCH_ALLOW"));
        assert!(refusal(policy("*", "10.0.0.1"), "x").contains("FETCH_DENY"));
    }
}
