//! Images in registries: the one that Debian packages, and some that are up to no good.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::Path;

use serde_json::json;
use snf_image::fetch::Options;
use snf_image::store::Place;
use snf_image_testkit::http::{Act, Request, Server, answer, part};
use snf_image_testkit::registry::{Layer, PASSWORD, Registry, USER, sha256};
use snf_image_testkit::relay::Relay;

use super::{Stores, closed, file, open};
use crate::fetch::client::{self, failure_from, fetch_from, image};

const ANY: &str = "application/octet-stream";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn found(port: u16, password: &str, name: &str) -> Place {
    let text = format!(
        "REGISTRY=127.0.0.1:{port}\nREPOSITORIES='images/ other'\nPLAIN_HTTP=yes\n\
         USERNAME={USER}\nPASSWORD={password}\n"
    );
    let stores = Stores::with("test.oci", &text);
    stores
        .find(&format!("oci://127.0.0.1:{port}/{name}"))
        .unwrap()
}

fn layer<'test>(content: &'test Path, kind: &'test str, title: Option<&'test str>) -> Layer<'test> {
    Layer {
        content,
        kind,
        title,
    }
}

fn comes(place: Place, bytes: &[u8], options: &Options) {
    let fetched = fetch_from(place, options).unwrap();
    fetched.outcome.unwrap();
    assert_eq!(fetched.length, u64::try_from(bytes.len()).ok());
    assert!(fetched.bytes == bytes);
}

#[test]
fn the_disk_in_an_artifact_is_the_image() {
    let registry = Registry::closed().unwrap();
    let bytes = image(3_000_001);
    let (disk, notes) = (file(&bytes), file(b"notes"));
    let digest = registry
        .push("images/debian", "12", &[layer(disk.path(), ANY, None)])
        .unwrap();
    let both = [
        layer(notes.path(), TAR, Some("SHA256SUMS")),
        layer(disk.path(), TAR, Some("debian.raw")),
    ];
    registry.push("images/debian", "both", &both).unwrap();
    let size = fs::metadata(registry.blob(&digest).unwrap()).unwrap().len();
    let ours = json!({"mediaType": MANIFEST, "size": size, "digest": digest,
        "platform": {"architecture": "amd64", "os": "linux"}});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [ours]});
    registry
        .push_manifest("images/debian", "all", INDEX, &index)
        .unwrap();
    let port = registry.port();
    for version in [
        ":12",
        ":both",
        ":all",
        &format!("@{digest}"),
        &format!(":x@{digest}"),
    ] {
        let place = found(port, PASSWORD, &format!("images/debian{version}"));
        comes(place, &bytes, &closed());
    }

    let relay = Relay::before(port).unwrap();
    for cuts in [[1000, 1500], [30_000, 2_000_000], [2_990_000, 5_000]] {
        relay.cut(&cuts);
        comes(
            found(relay.port(), PASSWORD, "images/debian:12"),
            &bytes,
            &closed(),
        );
        assert_eq!(relay.left(), 0);
    }

    for (password, version, words) in [
        ("hunter22", ":12", "401 (Unauthorized): UNAUTHORIZED"),
        (PASSWORD, ":13", "404 (Not Found): MANIFEST_UNKNOWN"),
        (
            PASSWORD,
            &digest.replace("sha256:", "@sha256:").replace('1', "2"),
            "404",
        ),
    ] {
        let reason = failure_from(
            found(port, password, &format!("images/debian{version}")),
            &closed(),
        );
        assert!(
            reason.contains("the manifest: ") && reason.contains(words),
            "{reason}"
        );
    }
    let nobody = Stores::with(
        "a.oci",
        &format!("REGISTRY=127.0.0.1:{port}\nREPOSITORIES='*'\nPLAIN_HTTP=yes\n"),
    );
    let nobody = nobody
        .find(&format!("oci://127.0.0.1:{port}/images/debian:12"))
        .unwrap();
    let reason = failure_from(nobody, &closed());
    assert!(reason.contains("*.oci"), "{reason}");
}

#[test]
fn what_is_not_the_image_of_the_manifest_is_found_out() {
    let registry = Registry::open().unwrap();
    let bytes = image(300_000);
    let disk = file(&bytes);
    let digest = registry
        .push("images/debian", "12", &[layer(disk.path(), ANY, None)])
        .unwrap();
    let place = || found(registry.port(), PASSWORD, "images/debian:12");
    comes(place(), &bytes, &closed());

    let blob = registry.blob(&sha256(disk.path()).unwrap()).unwrap();
    let mut other = bytes.clone();
    other[150_000] ^= 1;
    fs::write(&blob, &other).unwrap();
    let reason = failure_from(place(), &closed());
    assert!(
        reason.contains("another image than its manifest says"),
        "{reason}"
    );
    fs::write(&blob, &other[1..]).unwrap();
    let reason = failure_from(place(), &closed());
    assert!(reason.contains("should have 300000 bytes"), "{reason}");

    let manifest = registry.blob(&digest).unwrap();
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("octet-stream", "octet-STREAM")).unwrap();
    let place = found(
        registry.port(),
        PASSWORD,
        &format!("images/debian@{digest}"),
    );
    let reason = failure_from(place, &closed());
    assert!(reason.contains("the manifest: "), "{reason}");
}

#[test]
fn what_a_container_is_made_of_is_no_disk() {
    let registry = Registry::open().unwrap();
    let tree = file(b"a tree");
    registry
        .push("other", "1", &[layer(tree.path(), TAR, None)])
        .unwrap();
    let two = [
        layer(tree.path(), ANY, Some("a.img")),
        layer(tree.path(), ANY, Some("b.img")),
    ];
    registry.push("other", "2", &two).unwrap();
    for (name, words) in [("other:1", "container"), ("other:2", "\"b.img\"")] {
        let reason = failure_from(found(registry.port(), PASSWORD, name), &closed());
        assert!(reason.contains(words), "{reason}");
    }
}

/// A registry whose image lies elsewhere, and whose tokens are good for one answer.
fn registry(bytes: Vec<u8>, blob: impl Fn(&Request) -> Option<Act> + Send + 'static) -> Server {
    let digest = sha256(file(&bytes).path()).unwrap();
    let layer = json!({"mediaType": ANY, "digest": digest, "size": bytes.len()});
    let manifest = json!({"schemaVersion": 2, "config": {}, "layers": [layer]}).to_string();
    Server::start(move |request| {
        let host = request.header("host").unwrap();
        let token = format!("Bearer token-{}", request.number.saturating_sub(1));
        let act = if request.path.starts_with("/token?") {
            let body = format!("{{\"token\": \"token-{}\"}}", request.number);
            answer(
                "200 OK",
                &format!("Content-Length: {}\r\n", body.len()),
                body.as_bytes(),
            )
        } else if request.header("authorization") != Some(&token) {
            let challenge = format!(
                "WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"test\",scope=\"all\"\r\n"
            );
            answer("401 Unauthorized", &challenge, b"")
        } else if request.path.contains("/manifests/") {
            let length = format!("Content-Length: {}\r\n", manifest.len());
            answer("200 OK", &length, manifest.as_bytes())
        } else {
            blob(request).unwrap_or_else(|| part(request, &bytes, "X: y", bytes.len()))
        };
        vec![act]
    })
}

#[test]
fn a_token_is_had_where_the_registry_says_and_again_when_it_has_expired() {
    let bytes = image(300_000);
    let server = registry(bytes.clone(), |_| None);
    comes(
        found(server.address().port(), PASSWORD, "images/debian:12"),
        &bytes,
        &closed(),
    );
    let asked = server.requests();
    let token = asked
        .iter()
        .find(|request| request.path.starts_with("/token"))
        .unwrap();
    assert!(
        token
            .path
            .contains("scope=repository%3Aimages%2Fdebian%3Apull"),
        "{}",
        token.path
    );
    assert!(token.header("authorization").unwrap().starts_with("Basic "));
    // The manifest in vain, a token, the manifest; the image likewise.
    assert_eq!(asked.len(), 6);
}

#[test]
fn an_image_may_lie_elsewhere_where_the_policy_permits_it_and_no_token_goes_there() {
    let bytes = image(300_000);
    let served = bytes.clone();
    let storage = Server::start(move |request| vec![part(request, &served, "X: y", served.len())]);
    for (location, permitted) in [
        (format!("http://{}/blob", storage.address()), true),
        ("http://169.254.169.254/latest/meta-data".to_owned(), false),
        ("http://10.0.0.1/".to_owned(), false),
    ] {
        let there = format!("Location: {location}\r\n");
        let server = registry(bytes.clone(), move |_| {
            Some(answer("307 Temporary Redirect", &there, b""))
        });
        let place = || found(server.address().port(), PASSWORD, "images/debian:12");
        let reason = failure_from(place(), &closed());
        assert!(reason.contains("FETCH_ALLOW"), "{reason}");
        if permitted {
            comes(place(), &bytes, &open());
            assert_eq!(storage.requests()[0].header("authorization"), None);
        } else {
            assert!(failure_from(place(), &open()).contains("FETCH_ALLOW"));
        }
    }
}

#[test]
fn a_login_goes_to_no_host_that_only_a_server_has_named() {
    let bytes = image(300_000);
    let thief = Server::start(|_| vec![answer("200 OK", "", b"{\"token\": \"abc\"}")]);
    let challenge = format!(
        "WWW-Authenticate: Bearer realm=\"http://{}/token\",service=\"x\"\r\n",
        thief.address()
    );

    // Where the blob lies somebody asks for the registry's password.
    let asks = challenge.clone();
    let storage = Server::start(move |_| vec![answer("401 Unauthorized", &asks, b"")]);
    let there = format!("Location: http://{}/blob\r\n", storage.address());
    let server = registry(bytes, move |_| {
        Some(answer("307 Temporary Redirect", &there, b""))
    });
    let place = found(server.address().port(), PASSWORD, "images/debian:12");
    let reason = failure_from(place, &open());
    assert!(reason.contains("status 401"), "{reason}");
    assert_eq!((storage.requests().len(), thief.requests().len()), (1, 0));

    // The registry itself has it sent to another.
    let server = Server::start(move |_| vec![answer("401 Unauthorized", &challenge, b"")]);
    let port = server.address().port();
    let reason = failure_from(found(port, PASSWORD, "other:1"), &open());
    assert!(
        reason.contains("TOKEN_HOSTS") && reason.contains(&thief.address().to_string()),
        "{reason}"
    );
    assert!(thief.requests().is_empty());

    // Unless the administrator has written that one down, which then needs no FETCH_ALLOW.
    let text = format!(
        "REGISTRY=127.0.0.1:{port}\nREPOSITORIES='*'\nPLAIN_HTTP=yes\nTOKEN_HOSTS={}\n\
         USERNAME={USER}\nPASSWORD={PASSWORD}\n",
        thief.address()
    );
    let stores = Stores::with("test.oci", &text);
    let place = stores.find(&format!("oci://127.0.0.1:{port}/other:1"));
    let reason = failure_from(place.unwrap(), &closed());
    assert!(reason.contains("status 401"), "{reason}");
    let asked = thief.requests();
    assert!(
        asked[0]
            .header("authorization")
            .unwrap()
            .starts_with("Basic ")
    );
}

#[test]
fn a_manifest_has_a_bound_and_a_realm_its_rules() {
    let large = Server::start(|_| {
        let body = vec![b' '; 5 << 20];
        vec![answer("200 OK", "", &body)]
    });
    let reason = failure_from(
        found(large.address().port(), PASSWORD, "other:1"),
        &closed(),
    );
    assert!(reason.contains("larger than 4194304 bytes"), "{reason}");

    let slow = Server::start(|_| {
        let head = answer("200 OK", "Content-Length: 1000\r\n", b"");
        vec![head, Act::Trickle(vec![b' '; 1000])]
    });
    let place = found(slow.address().port(), PASSWORD, "other:1");
    let reason = failure_from(place, &client::options());
    assert!(reason.contains("hardly anything"), "{reason}");

    for (challenge, words) in [
        ("Bearer realm=\"http://169.254.169.254/\"", "TOKEN_HOSTS"),
        ("Bearer realm=\"file:///etc/passwd\"", "where it is given"),
        ("Bearer", "where it is given"),
        ("Digest realm=\"x\"", "not known here"),
    ] {
        let header = format!("WWW-Authenticate: {challenge}\r\n");
        let server = Server::start(move |_| vec![answer("401 Unauthorized", &header, b"")]);
        let reason = failure_from(
            found(server.address().port(), PASSWORD, "other:1"),
            &closed(),
        );
        assert!(reason.contains(words), "{reason}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_registry_that_nobody_wrote_down_gets_nothing_and_is_asked_by_tls() {
    let server = Server::start(|_| vec![answer("404 Not Found", "", b"")]);
    let port = server.address().port();
    let stores = Stores::with(
        "test.oci",
        &format!(
            "REGISTRY=registry.lan\nREPOSITORIES='*'\nUSERNAME={USER}\nPASSWORD={PASSWORD}\nPLAIN_HTTP=yes\n"
        ),
    );
    let place = || stores.find(&format!("oci://127.0.0.1:{port}/a:1")).unwrap();
    let reason = failure_from(place(), &closed());
    assert!(reason.contains("FETCH_ALLOW"), "{reason}");
    failure_from(place(), &open());
    assert!(server.requests().is_empty());
    let reason = Stores::with("a.oci", "REGISTRY=r\nREPOSITORIES=a\n").find("oci://r/b:1");
    assert!(reason.unwrap_err().to_string().contains("REPOSITORIES"));
}
