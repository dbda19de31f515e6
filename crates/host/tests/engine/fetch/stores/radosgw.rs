//! Images in Ceph's object store, which speaks S3, over TLS.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image::fetch::Options;
use snf_image::store::Place;
use snf_image_testkit::ceph::{Ceph, Gateway, KEY, SECRET};

use super::{Stores, closed, file};
use crate::fetch::client::{failure_from, fetch_from, image};

fn found(gateway: &Gateway<'_>, secret: &str, name: &str) -> Place {
    let settings = format!(
        "BUCKETS='images nothing'\nAWS_ENDPOINT_URL={}\n\
         AWS_ACCESS_KEY_ID={KEY}\nAWS_SECRET_ACCESS_KEY={secret}\n",
        gateway.url()
    );
    Stores::with("ceph.s3", &settings).find(name).unwrap()
}

#[test]
fn objects_of_ceph_come_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let ceph = Ceph::start(&folder.path().join("ceph")).unwrap();
    let gateway = ceph.gateway().unwrap();
    let trusting = Options {
        authorities: Some(gateway.certificate().unwrap()),
        ..closed()
    };
    gateway.make("images").unwrap();
    let bytes = image(9_000_001);
    for (key, in_url) in [
        ("debian.raw", "debian.raw"),
        ("a b/ä+~", "a%20b/%C3%A4%2B~"),
    ] {
        gateway.put("images", in_url, file(&bytes).path()).unwrap();
        let place = found(&gateway, SECRET, &format!("s3://images/{key}"));
        let fetched = fetch_from(place, &trusting).unwrap();
        fetched.outcome.unwrap();
        assert_eq!(fetched.length, Some(9_000_001), "{key}");
        assert!(fetched.bytes == bytes, "{key}");
    }
    for (secret, name, words) in [
        (SECRET, "s3://images/nothing", "NoSuchKey"),
        (SECRET, "s3://nothing/x", "NoSuchBucket"),
        (
            "hunter22",
            "s3://images/debian.raw",
            "SignatureDoesNotMatch",
        ),
    ] {
        let reason = failure_from(found(&gateway, secret, name), &trusting);
        assert!(reason.ends_with(words), "{reason}");
    }
    // Its certificate is nobody's.
    let reason = failure_from(found(&gateway, SECRET, "s3://images/debian.raw"), &closed());
    assert!(reason.contains("certificate"), "{reason}");
    assert!(!reason.contains(SECRET), "{reason}");
}
