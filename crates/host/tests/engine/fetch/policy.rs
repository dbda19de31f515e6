//! Where nothing is fetched from.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image::fetch::{Options, Policy};
use snf_image_testkit::http::{Server, answer, part};

use crate::fetch::client::{failure, options};

fn closed() -> Options {
    Options {
        policy: Policy::default(),
        ..options()
    }
}

#[test]
fn this_machine_and_private_networks_are_not_asked() {
    let server = Server::start(|request| vec![part(request, b"secret", "X: y", 6)]);
    let port = server.address().port();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "10.0.0.1",
        "169.254.169.254",
    ] {
        let reason = failure(&format!("http://{host}:{port}/"), &closed());
        assert!(reason.contains("FETCH_ALLOW"), "{reason}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_redirection_to_a_forbidden_address_is_not_followed() {
    for location in [
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:10.0.0.1]/",
        "http://localhost.localdomain.invalid/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
    ] {
        let header = format!("Location: {location}\r\n");
        let server = Server::start(move |_| vec![answer("302 Found", &header, b"")]);
        let reason = failure(&server.url("/"), &options());
        if location.contains("169") || location.contains("10.0") {
            assert!(reason.contains("FETCH_ALLOW"), "{reason}");
        }
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn what_the_administrator_refuses_is_not_asked() {
    let server = Server::start(|request| vec![part(request, b"secret", "X: y", 6)]);
    for (allow, deny) in [
        ("127.0.0.0/8", "127.0.0.1"),
        ("*", "127.0.0.0/8"),
        ("10.0.0.0/8", "*"),
    ] {
        let policy = Policy {
            allow: vec![allow.parse().unwrap()],
            deny: vec![deny.parse().unwrap()],
        };
        let options = Options {
            policy,
            ..options()
        };
        let reason = failure(&server.url("/"), &options);
        assert!(reason.contains("may not be fetched from"), "{reason}");
    }
    assert!(server.requests().is_empty());
}
