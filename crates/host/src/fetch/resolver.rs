//! Names become addresses once, and only addresses that the policy permits are connected to.
//!
//! A second look at the name could be answered otherwise (DNS rebinding), so there is none.
// SPDX-License-Identifier: BSD-2-Clause

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::permit::Permit;

/// The resolver of a download.
#[derive(Debug)]
pub(super) struct Guarded {
    /// None for a proxy, which the administrator chose, and which looks up all other names.
    pub(super) permit: Option<Permit>,
    pub(super) system: DefaultResolver,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.system.resolve(uri, config, timeout)?;
        let Some(permit) = &self.permit else {
            return Ok(found);
        };
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let mut permitted = self.empty();
        let mut refusal = None;
        for address in found.iter() {
            match permit.check(host, address.port(), address.ip()) {
                Ok(()) => permitted.push(*address),
                Err(refused) => refusal = Some(refused),
            }
        }
        match refusal {
            Some(refused) if permitted.is_empty() => Err(ureq::Error::Other(refused.into())),
            _ => Ok(permitted),
        }
    }
}
