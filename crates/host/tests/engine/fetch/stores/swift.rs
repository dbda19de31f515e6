//! Images in a store with Swift's API: Swift.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::Read;

use serde_json::{Value, json};
use snf_image::cancel::Cancel;
use snf_image::store::Place;
use snf_image_testkit::http::{Server, answer};
use snf_image_testkit::relay::Relay;
use snf_image_testkit::swift::{PASSWORD, Swift, USER};

use super::{Stores, closed, comes_whole, comes_whole_through, file, open};
use crate::fetch::client::{failure_from, fetch_from, image, start_from};

fn tempauth(port: u16, password: &str) -> Stores {
    Stores::with(
        "test.swift",
        &format!(
            "CONTAINERS='images nothing'\nST_AUTH=http://127.0.0.1:{port}/auth/v1.0\n\
             ST_USER={USER}\nST_KEY={password}\n"
        ),
    )
}

fn found(port: u16, object: &str) -> Place {
    let stores = tempauth(port, PASSWORD);
    stores.find(&format!("swift://images/{object}")).unwrap()
}

#[test]
fn objects_come_as_they_are_and_broken_connections_are_taken_up_again() {
    let swift = Swift::start().unwrap();
    let bytes = image(3_000_001);
    for (object, in_url) in [
        ("debian.raw", "debian.raw"),
        ("a b//ä?x=1&y#%2e+", "a%20b//%C3%A4%3Fx%3D1%26y%23%252e%2B"),
    ] {
        swift.put("images", in_url, file(&bytes).path()).unwrap();
        comes_whole(found(swift.port(), object), &bytes);
    }

    let relay = Relay::before(swift.port()).unwrap();
    comes_whole_through(&relay, || found(relay.port(), "debian.raw"), &bytes);

    let reason = failure_from(found(swift.port(), "nothing"), &closed());
    let expected =
        "fetching swift://images/nothing: the server answered with status 404 (Not Found)";
    assert_eq!(reason, expected);
    let wrong = tempauth(swift.port(), "hunter22").find("swift://images/debian.raw");
    let reason = failure_from(wrong.unwrap(), &closed());
    assert!(
        reason.ends_with("asking for a token: the server answered with status 401 (Unauthorized)"),
        "{reason}"
    );
}

#[test]
fn a_token_that_expires_in_the_middle_is_asked_for_again() {
    let swift = Swift::start().unwrap();
    let bytes = image(3_000_000);
    swift
        .put("images", "debian.raw", file(&bytes).path())
        .unwrap();
    let relay = Relay::before(swift.port()).unwrap();
    relay.cut(&[2_000_000]);
    // The pipe holds less than what comes before the cut.
    let mut stream = start_from(found(relay.port(), "debian.raw"), &closed()).unwrap();
    swift.expire_tokens().unwrap();
    let mut came = Vec::new();
    stream.bytes.read_to_end(&mut came).unwrap();
    stream.producer.finish(&Cancel::new().unwrap()).unwrap();
    assert!(came == bytes);
    // A token, the first part, the rest in vain, another token, the rest.
    assert_eq!(relay.connections(), 5);
}

#[test]
fn an_account_may_be_given_with_a_token_of_long_life_or_be_open() {
    let swift = Swift::start().unwrap();
    let bytes = image(100_000);
    swift
        .put("images", "debian.raw", file(&bytes).path())
        .unwrap();
    let (token, account) = (swift.token().unwrap(), swift.storage_url());
    let stores = |more: &str| {
        let text = format!("CONTAINERS='*'\nOS_STORAGE_URL={account}\n{more}");
        Stores::with("pithos.swift", &text)
            .find("swift://images/debian.raw")
            .unwrap()
    };
    let fetched = fetch_from(stores(&format!("OS_AUTH_TOKEN={token}\n")), &closed()).unwrap();
    fetched.outcome.unwrap();
    assert!(fetched.bytes == bytes);
    let reason = failure_from(stores(""), &closed());
    assert!(reason.contains("401"), "{reason}");
    let reason = failure_from(stores("OS_AUTH_TOKEN=hunter2\n"), &closed());
    assert!(reason.contains("401"), "{reason}");
}

/// Says what Keystone's reference says it answers, and notes what it is asked.
fn keystone(token: String, account: &str) -> Server {
    let body = json!({"token": {"methods": ["password"], "catalog": [
        {"type": "object-store", "name": "swift", "id": "1", "endpoints": [
            {"id": "2", "interface": "public", "region": "one", "region_id": "one", "url": account},
        ]},
    ]}});
    Server::start(move |_| {
        let body = body.to_string();
        let length = body.len();
        let headers = format!("X-Subject-Token: {token}\r\nContent-Length: {length}\r\n");
        vec![answer("201 Created", &headers, body.as_bytes())]
    })
}

#[test]
fn keystone_gives_a_token_and_says_where_the_store_is() {
    let swift = Swift::start().unwrap();
    let bytes = image(100_000);
    swift
        .put("images", "debian.raw", file(&bytes).path())
        .unwrap();
    let keystone = keystone(swift.token().unwrap(), &swift.storage_url());
    let stores = |more: &str| {
        let text = format!(
            "CONTAINERS=images\nOS_AUTH_URL=http://{}/v3\nOS_USERNAME=node\nOS_PASSWORD=hunter2\n\
             OS_USER_DOMAIN_NAME=people\nOS_PROJECT_ID=17\nOS_REGION_NAME=one\n{more}",
            keystone.address()
        );
        Stores::with("cloud.swift", &text)
            .find("swift://images/debian.raw")
            .unwrap()
    };
    // Where the store is has to be believed of the catalogue, and is not: that is another port.
    let reason = failure_from(stores(""), &closed());
    assert!(reason.contains("FETCH_ALLOW"), "{reason}");
    let asked: Value = serde_json::from_slice(&keystone.requests()[0].body).unwrap();
    let user = json!({"name": "node", "domain": {"name": "people"}, "password": "hunter2"});
    let expected = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"id": "17"}},
    }});
    assert_eq!(asked, expected);
    assert_eq!(keystone.requests()[0].path, "/v3/auth/tokens");

    for (place, options) in [
        (stores(""), open()),
        (
            stores(&format!("OS_STORAGE_URL={}\n", swift.storage_url())),
            closed(),
        ),
    ] {
        let fetched = fetch_from(place, &options).unwrap();
        fetched.outcome.unwrap();
        assert!(fetched.bytes == bytes);
    }
}
