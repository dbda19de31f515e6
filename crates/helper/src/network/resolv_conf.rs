//! DNS servers for systems whose network configuration has no place for them.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_protocol::Nic;

use super::facts::{Facts, Resolver};
use super::lines::{Lines, words};
use super::plan::Plan;

/// resolv.conf(5).
pub const FILE: &str = "/etc/resolv.conf";

/// resolved.conf.d(5).
pub const RESOLVED: &str = "/etc/systemd/resolved.conf.d/10-snf-image.conf";

/// How many servers resolv.conf(5) takes: `MAXNS` of resolv.h.
const MAX_SERVERS: usize = 3;

/// The DNS servers were asked for and cannot be told to the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreachable;

/// The file that names the servers of all interfaces; nothing when there are none.
///
/// # Errors
/// When resolv.conf is somebody's whom nobody knows.
pub fn render(nics: &[Nic], facts: &Facts) -> Result<Plan, Unreachable> {
    let mut plan = Plan::default();
    let mut servers = Vec::new();
    let mut domains = Vec::new();
    for nic in nics {
        for server in &nic.dns_servers {
            if !servers.contains(server) {
                servers.push(*server);
            }
        }
        for domain in &nic.dns_search {
            if !domains.contains(&domain.as_str()) {
                domains.push(domain.as_str());
            }
        }
    }
    if servers.is_empty() && domains.is_empty() {
        return Ok(plan);
    }
    let mut lines = Lines::marked();
    match facts.resolver {
        Resolver::Resolvconf => {}
        Resolver::Resolved => {
            lines.add("[Resolve]");
            if !servers.is_empty() {
                lines.add(format!("DNS={}", words(&servers)));
            }
            if !domains.is_empty() {
                lines.add(format!("Domains={}", words(&domains)));
            }
            plan.file(RESOLVED, lines.into_text());
        }
        Resolver::File => {
            if !domains.is_empty() {
                lines.add(format!("search {}", words(&domains)));
            }
            for server in servers.iter().take(MAX_SERVERS) {
                lines.add(format!("nameserver {server}"));
            }
            plan.file(FILE, lines.into_text());
        }
        Resolver::Unknown => return Err(Unreachable),
    }
    Ok(plan)
}
