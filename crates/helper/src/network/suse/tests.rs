//! What is written for interfaces of every kind.
// SPDX-License-Identifier: BSD-2-Clause

use super::super::testing::{FACTS, interfaces_of_every_kind};
use super::*;

/// What stands in `/etc/sysconfig/network/config` before.
const CONFIG: &[u8] = b"# netconfig\nNETCONFIG_DNS_STATIC_SERVERS=\"10.0.0.1\"\nX=\"y\"\n";

interfaces_of_every_kind!(|nics| render(nics, CONFIG, &FACTS));
