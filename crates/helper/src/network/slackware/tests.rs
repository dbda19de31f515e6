//! What is written for Slackware, and what it cannot be told.
// SPDX-License-Identifier: BSD-2-Clause

use super::super::testing::{FACTS, dhcp, full, on_link, several, shown};
use super::*;

#[test]
fn by_dhcp() {
    insta::assert_snapshot!(shown(&render(&dhcp(), &FACTS).unwrap()));
}

#[test]
fn with_addresses_of_both_families() {
    let mut nics = full();
    nics[0].routes.clear();
    insta::assert_snapshot!(shown(&render(&nics, &FACTS).unwrap()));
}

#[test]
fn what_it_has_no_words_for_is_named() {
    for (nics, what) in [
        (on_link(), "a gateway outside the network"),
        (full(), "further routes"),
        (several(), "DHCPv6"),
    ] {
        assert_eq!(render(&nics, &FACTS), Err(Inexpressible(what)));
    }
}
