//! Images put onto disks by the processes that do it in a deployment, against real tools and servers.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::redundant_closure,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise"
)]

mod backends;
mod cache;
mod config_url;
mod copy;
mod fetch;
mod images;
mod nbd;
mod storage;
mod targets;
mod verification;

use std::time::Duration;

use snf_image::fetch::{Options, Policy};

/// Options of a download that permit servers on this machine, however busy it is.
fn loopback() -> Options {
    Options {
        policy: Policy {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            deny: Vec::new(),
        },
        proxy: None,
        authorities: None,
        patience: Duration::from_secs(30),
        pause: Duration::from_millis(20),
    }
}
