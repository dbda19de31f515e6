//! Connections that break and servers that lie: an image is whole, or one line says why not.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_testkit::http::{Act, Server, answer, part};

use crate::fetch::client::{failure, fetch, image, options};

const ETAG: &str = "ETag: \"one\"";
const TIME: &str = "Last-Modified: Tue, 24 Nov 2026 10:00:00 GMT";
const LENGTH: usize = 1_000_000;

#[test]
fn a_broken_download_is_taken_up_again_where_it_broke() {
    let bytes = image(LENGTH);
    for (validator, value) in [(ETAG, "\"one\""), (TIME, "Tue, 24 Nov 2026 10:00:00 GMT")] {
        for percent in [1, 50, 99] {
            let served = bytes.clone();
            let cut = LENGTH / 100 * percent;
            let server = Server::start(move |request| {
                // Once more during the resumption, a little later.
                let end = [cut, cut + 5000][..].get(request.number).copied();
                vec![part(request, &served, validator, end.unwrap_or(LENGTH))]
            });
            let fetched = fetch(&server.url("/image"), &options()).unwrap();
            fetched.outcome.unwrap();
            assert!(fetched.bytes == bytes, "{percent} %");
            let requests = server.requests();
            let from: Vec<_> = requests.iter().map(|request| request.from()).collect();
            assert_eq!(from, [0, cut, cut + 5000]);
            assert_eq!(requests[0].header("if-range"), None);
            assert_eq!(requests[1].header("if-range"), Some(value));
        }
    }
}

#[test]
fn a_chunked_body_that_breaks_is_taken_up_too() {
    let bytes = image(20_000);
    let served = bytes.clone();
    let server = Server::start(move |request| match request.number {
        0 => {
            let headers = format!("{ETAG}\r\nTransfer-Encoding: chunked\r\n");
            let mut body = b"2710\r\n".to_vec();
            body.extend(&served[..10_000]);
            vec![answer("200 OK", &headers, &body)]
        }
        _ => vec![part(request, &served, ETAG, served.len())],
    });
    let fetched = fetch(&server.url("/image"), &options()).unwrap();
    fetched.outcome.unwrap();
    assert!(fetched.bytes == bytes);
}

#[test]
fn an_image_that_changed_meanwhile_is_not_mixed_with_the_old_one() {
    let bytes = image(LENGTH);
    for (status, headers, words) in [
        ("200 OK", "", "has changed"),
        ("416 Range Not Satisfiable", "", "has changed"),
        ("206 Partial Content", "", "another part"),
        (
            "206 Partial Content",
            "Content-Range: bytes 0-9/1000000\r\n",
            "another part",
        ),
        (
            "206 Partial Content",
            "Content-Range: bytes 5000-9999/10000\r\n",
            "has changed",
        ),
        ("404 Not Found", "", "status 404"),
    ] {
        let served = bytes.clone();
        let server = Server::start(move |request| {
            vec![match request.number {
                0 => part(request, &served, ETAG, 5000),
                _ => answer(status, headers, b"0123456789"),
            }]
        });
        let reason = failure(&server.url("/image"), &options());
        assert!(reason.contains("byte 5000 of 1000000"), "{reason}");
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn a_download_that_cannot_be_taken_up_says_why() {
    let bytes = image(LENGTH);
    for validator in [
        "X-Nothing: 1",
        "ETag: W/\"weak\"",
        "ETag: \"one\"\r\nAccept-Ranges: none",
    ] {
        let served = bytes.clone();
        let server = Server::start(move |request| vec![part(request, &served, validator, 5000)]);
        let reason = failure(&server.url("/image"), &options());
        assert!(reason.contains("strong ETag"), "{reason}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_server_that_promises_more_than_it_sends_is_given_up() {
    let server = Server::start(|request| {
        let bytes = image(LENGTH);
        vec![part(request, &bytes, ETAG, 5000)]
    });
    let reason = failure(&server.url("/image"), &options());
    assert!(reason.contains("byte 5000 of 1000000"), "{reason}");
    assert!(
        reason.contains("given up after 5 more attempts"),
        "{reason}"
    );
}

#[test]
fn a_server_that_sends_nothing_or_hardly_anything_is_left() {
    for hold in [true, false] {
        let server = Server::start(move |request| {
            let bytes = image(LENGTH);
            let rest = match hold {
                true => Act::Hold,
                false => Act::Trickle(bytes[5000..5100].to_vec()),
            };
            match request.number {
                0 => vec![part(request, &bytes, "X-Nothing: 1", 5000), rest],
                _ => Vec::new(),
            }
        });
        let reason = failure(&server.url("/image"), &options());
        let words = match hold {
            true => "nothing came for 1 s",
            false => "fewer than 1024 bytes a second",
        };
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn a_server_that_sends_hardly_anything_but_frames_is_left() {
    // An extension of a chunk, and a trailer, that never end.
    for frame in ["a;", "a\r\n0123456789\r\n0\r\nX-Slow: "] {
        let server = Server::start(move |_| {
            let head = answer("200 OK", "Transfer-Encoding: chunked\r\n", frame.as_bytes());
            vec![head, Act::Trickle(vec![b'x'; 1000])]
        });
        let reason = failure(&server.url("/image"), &options());
        assert!(reason.contains("hardly anything"), "{reason}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_server_that_never_ends_its_first_words_is_left() {
    let server = Server::start(|_| {
        let header = format!("HTTP/1.1 200 OK\r\nX-Slow: {}", "x".repeat(200));
        vec![Act::Trickle(header.into_bytes())]
    });
    let reason = failure(&server.url("/image"), &options());
    assert!(reason.contains("took too long"), "{reason}");
}

#[test]
fn an_answer_without_an_image_is_one_line() {
    for (status, times) in [
        ("404 Not Found", 1),
        ("403 Forbidden", 1),
        ("401 Unauthorized", 1),
        ("500 Internal Server Error", 1),
        ("204 No Content", 1),
        ("503 Service Unavailable", 6),
    ] {
        let server = Server::start(move |_| vec![answer(status, "", b"<html>\n</html>")]);
        let reason = failure(&server.url("/image"), &options());
        let address = server.address();
        let (code, _) = status.split_once(' ').unwrap();
        let begin =
            format!("fetching http://{address}/image: the server answered with status {code}");
        assert!(reason.starts_with(&begin), "{reason}");
        assert_eq!(server.requests().len(), times, "{status}");
    }
}

#[test]
fn what_is_no_http_is_one_line() {
    for said in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    ] {
        let server = Server::start(move |_| vec![Act::Send(said.into())]);
        failure(&server.url("/image"), &options());
    }
}

#[test]
fn redirections_end() {
    let server = Server::start(|_| vec![answer("302 Found", "Location: /again\r\n", b"")]);
    let reason = failure(&server.url("/image"), &options());
    assert!(reason.contains("redirects more than 5 times"), "{reason}");
    let server = Server::start(|_| vec![answer("302 Found", "", b"")]);
    let reason = failure(&server.url("/image"), &options());
    assert!(reason.contains("redirects to nowhere"), "{reason}");
}
