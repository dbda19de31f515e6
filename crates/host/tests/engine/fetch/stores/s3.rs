//! Images in a store that speaks S3: Swift's s3api.
// SPDX-License-Identifier: BSD-2-Clause

use std::io;

use snf_image::cancel::Cancel;
use snf_image::store::Place;
use snf_image_testkit::http::{Server, answer};
use snf_image_testkit::relay::Relay;
use snf_image_testkit::swift::{PASSWORD, Swift, USER};

use super::{Stores, closed, comes_whole, comes_whole_through, file, open};
use crate::fetch::client::{failure_from, fetch_from, image, start_from};

fn stores(port: u16, password: &str) -> Stores {
    Stores::with(
        "test.s3",
        &format!(
            "BUCKETS='images nothing'\nAWS_ENDPOINT_URL=http://127.0.0.1:{port}\n\
             AWS_ACCESS_KEY_ID={USER}\nAWS_SECRET_ACCESS_KEY={password}\n"
        ),
    )
}

fn found(port: u16, key: &str) -> Place {
    stores(port, PASSWORD)
        .find(&format!("s3://images/{key}"))
        .unwrap()
}

#[test]
fn objects_come_as_they_are_and_broken_connections_are_taken_up_again() {
    let swift = Swift::start().unwrap();
    let bytes = image(3_000_001);
    for (key, in_url) in [
        ("debian.raw", "debian.raw"),
        (
            "a b/ä?x=1&y#%2e+~!*'()$,;:@=",
            "a%20b/%C3%A4%3Fx%3D1%26y%23%252e%2B~%21%2A%27%28%29%24%2C%3B%3A%40%3D",
        ),
    ] {
        swift.put("images", in_url, file(&bytes).path()).unwrap();
        comes_whole(found(swift.port(), key), &bytes);
    }

    let relay = Relay::before(swift.port()).unwrap();
    comes_whole_through(&relay, || found(relay.port(), "debian.raw"), &bytes);

    let reason = failure_from(found(swift.port(), "nothing"), &closed());
    assert!(
        reason.contains("fetching s3://images/nothing: "),
        "{reason}"
    );
    assert!(
        reason.ends_with("status 404 (Not Found): NoSuchKey"),
        "{reason}"
    );
    let bucket = stores(swift.port(), PASSWORD)
        .find("s3://nothing/x")
        .unwrap();
    let reason = failure_from(bucket, &closed());
    assert!(reason.ends_with("NoSuchBucket"), "{reason}");
    let wrong = stores(swift.port(), "hunter22")
        .find("s3://images/debian.raw")
        .unwrap();
    let reason = failure_from(wrong, &closed());
    assert!(
        reason.ends_with("status 403 (Forbidden): SignatureDoesNotMatch"),
        "{reason}"
    );
}

#[test]
fn an_object_that_changes_between_two_parts_is_no_image() {
    let swift = Swift::start().unwrap();
    swift
        .put("images", "debian.raw", file(&image(3_000_000)).path())
        .unwrap();
    let relay = Relay::before(swift.port()).unwrap();
    relay.cut(&[2_000_000]);
    let place = found(relay.port(), "debian.raw");
    // The pipe holds less than what comes before the cut.
    let mut stream = start_from(place, &closed()).unwrap();
    let other = vec![0; 3_000_000];
    swift
        .put("images", "debian.raw", file(&other).path())
        .unwrap();
    io::copy(&mut stream.bytes, &mut io::sink()).unwrap();
    let outcome = stream.producer.finish(&Cancel::new().unwrap());
    let reason = outcome.unwrap_err().to_string();
    assert!(reason.contains("changed"), "{reason}");
}

#[test]
fn the_node_s_key_goes_to_its_endpoint_alone() {
    let elsewhere = Server::start(|_| vec![answer("200 OK", "Content-Length: 1\r\n", b"x")]);
    let there = format!("Location: http://{}/x\r\n", elsewhere.address());
    let store = Server::start(move |_| vec![answer("307 Temporary Redirect", &there, b"")]);
    let place = found(store.address().port(), "debian.raw");
    let reason = failure_from(place, &closed());
    assert!(reason.contains("FETCH_ALLOW"), "{reason}");
    assert!(elsewhere.requests().is_empty());

    let place = found(store.address().port(), "debian.raw");
    fetch_from(place, &open()).unwrap();
    assert_eq!(elsewhere.requests()[0].path, "/x");

    // Whoever chooses the image chooses bucket and key, and nothing else.
    for name in ["s3://other/x", "s3://127.0.0.1/x"] {
        let reason = stores(1, PASSWORD).find(name).unwrap_err().to_string();
        assert!(reason.contains("BUCKETS"), "{reason}");
    }
}
