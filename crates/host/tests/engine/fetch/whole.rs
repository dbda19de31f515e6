//! Images that arrive whole, however they are sent.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use snf_image_testkit::http::{Server, answer, part};

use crate::fetch::client::{fetch, image, options};

const ETAG: &str = "ETag: \"one\"";

#[test]
fn an_image_of_known_length_comes_as_it_is() {
    let bytes = image(3_000_001);
    let served = bytes.clone();
    let server = Server::start(move |request| vec![part(request, &served, ETAG, served.len())]);
    let fetched = fetch(&server.url("/image"), &options()).unwrap();
    fetched.outcome.unwrap();
    assert_eq!(fetched.length, Some(3_000_001));
    assert!(fetched.bytes == bytes);
    let request = &server.requests()[0];
    assert_eq!(request.path, "/image?token=hunter2");
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    assert!(
        request
            .header("authorization")
            .unwrap()
            .starts_with("Basic ")
    );
    assert!(
        request
            .header("user-agent")
            .unwrap()
            .starts_with("snf-image/")
    );
}

#[test]
fn a_length_may_be_unknown() {
    let bytes = image(300_000);
    let mut chunked = Vec::new();
    for chunk in bytes.chunks(7000) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        chunked.extend(chunk);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    let served = bytes.clone();
    let server = Server::start(move |request| {
        vec![match request.number {
            0 => answer("200 OK", "Transfer-Encoding: chunked\r\n", &chunked),
            // The end of the connection is the end of the image.
            _ => answer("200 OK", "", &served),
        }]
    });
    for _ in 0..2 {
        let fetched = fetch(&server.url("/image"), &options()).unwrap();
        fetched.outcome.unwrap();
        assert_eq!(fetched.length, None);
        assert!(fetched.bytes == bytes);
    }
}

#[test]
fn what_the_server_says_of_an_encoding_changes_no_byte() {
    // The first bytes of a gzip file, and no more of one.
    let bytes = [&[0x1f, 0x8b, 8, 0], image(5000).as_slice()].concat();
    let served = bytes.clone();
    let server = Server::start(move |request| {
        let encoded = "Content-Encoding: gzip";
        vec![part(request, &served, encoded, served.len())]
    });
    let fetched = fetch(&server.url("/image.gz"), &options()).unwrap();
    fetched.outcome.unwrap();
    assert!(fetched.bytes == bytes);
}

#[test]
fn redirections_are_followed_and_take_no_password_along() {
    let bytes = image(70_000);
    let served = bytes.clone();
    let target = Server::start(move |request| vec![part(request, &served, ETAG, served.len())]);
    let there = format!("Location: http://{}/there\r\n", target.address());
    let server = Server::start(move |request| {
        let location = match request.number {
            0 => "Location: /second\r\n",
            _ => &there,
        };
        vec![answer("302 Found", location, b"")]
    });
    let fetched = fetch(&server.url("/first"), &options()).unwrap();
    fetched.outcome.unwrap();
    assert!(fetched.bytes == bytes);
    assert_eq!(server.requests()[1].path, "/second");
    assert_eq!(target.requests()[0].path, "/there");
    assert_eq!(target.requests()[0].header("authorization"), None);
}

#[test]
fn a_busy_server_is_asked_again() {
    let server = Server::start(|request| {
        vec![match request.number {
            0 | 1 => answer("503 Service Unavailable", "", b""),
            _ => part(request, b"image", ETAG, 5),
        }]
    });
    let fetched = fetch(&server.url("/image"), &options()).unwrap();
    fetched.outcome.unwrap();
    assert_eq!(fetched.bytes, b"image");
}

#[test]
fn a_server_of_the_world_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = image(1_000_000);
    std::fs::write(folder.path().join("an image"), &bytes).unwrap();
    let mut python = Command::new("python3")
        .args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(python.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let port = line.split(' ').nth(5).unwrap();
    let fetched = fetch(&format!("http://127.0.0.1:{port}/an image"), &options());
    python.kill().unwrap();
    python.wait().unwrap();
    let fetched = fetched.unwrap();
    fetched.outcome.unwrap();
    assert!(fetched.bytes == bytes);
}
