//! What is written for interfaces of every kind.
// SPDX-License-Identifier: BSD-2-Clause

use super::super::testing::{FACTS, interfaces_of_every_kind};
use super::*;

/// What stands in `/etc/sysconfig/network` before.
const NETWORK: &[u8] = b"HOSTNAME=old\nGATEWAY=10.0.0.1\n";

interfaces_of_every_kind!(|nics| render(nics, NETWORK, &FACTS));
