//! What is written for interfaces of every kind.
// SPDX-License-Identifier: BSD-2-Clause

use proptest::prelude::*;

use super::super::testing::{FACTS, any_nics, dhcp, full, on_link, several, shown};
use super::*;

#[test]
fn by_dhcp() {
    insta::assert_snapshot!(shown(&render(
        &dhcp(),
        b"# netconfig\nNETCONFIG_DNS_STATIC_SERVERS=\"10.0.0.1\"\nX=\"y\"\n",
        &FACTS
    )));
}

#[test]
fn with_everything_that_can_be_said() {
    insta::assert_snapshot!(shown(&render(
        &full(),
        b"# netconfig\nNETCONFIG_DNS_STATIC_SERVERS=\"10.0.0.1\"\nX=\"y\"\n",
        &FACTS
    )));
}

#[test]
fn with_gateways_outside_their_networks() {
    insta::assert_snapshot!(shown(&render(
        &on_link(),
        b"# netconfig\nNETCONFIG_DNS_STATIC_SERVERS=\"10.0.0.1\"\nX=\"y\"\n",
        &FACTS
    )));
}

#[test]
fn several_of_them() {
    insta::assert_snapshot!(shown(&render(
        &several(),
        b"# netconfig\nNETCONFIG_DNS_STATIC_SERVERS=\"10.0.0.1\"\nX=\"y\"\n",
        &FACTS
    )));
}

proptest! {
    #[test]
    fn no_interfaces_make_it_panic(nics in any_nics()) {
        let _ = render(&nics, b"# netconfig\nNETCONFIG_DNS_STATIC_SERVERS=\"10.0.0.1\"\nX=\"y\"\n", &FACTS);
    }
}
