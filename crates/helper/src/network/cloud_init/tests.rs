//! What cloud-init is told of interfaces of every kind.
// SPDX-License-Identifier: BSD-2-Clause

use proptest::prelude::*;

use super::super::testing::{any_nics, dhcp, full, on_link, several};
use super::*;

#[test]
fn by_dhcp() {
    insta::assert_snapshot!(version1(&dhcp()));
    assert!(!needs_version2(&dhcp()));
}

#[test]
fn with_everything_that_can_be_said() {
    insta::assert_snapshot!("version_1", version1(&full()));
    insta::assert_snapshot!("version_2", version2(&full()));
}

#[test]
fn with_gateways_outside_their_networks() {
    assert!(needs_version2(&on_link()));
    insta::assert_snapshot!(version2(&on_link()));
}

#[test]
fn several_of_them() {
    insta::assert_snapshot!("several_1", version1(&several()));
    insta::assert_snapshot!("several_2", version2(&several()));
}

proptest! {
    #[test]
    fn no_interfaces_make_it_panic(nics in any_nics()) {
        let _ = (version1(&nics), version2(&nics));
    }
}
