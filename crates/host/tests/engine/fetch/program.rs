//! The program itself, asked to deploy what no server gives: one line, in time, and no target.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use snf_image_testkit::http::{Act, Server, answer, part};
use tempfile::TempDir;

/// How long the program may take to say so.
const BOUND: Duration = Duration::from_secs(15);

/// `snf-image deploy` of this image onto a new file, on a node that permits this machine.
fn deploy(image: &str) -> (TempDir, Output) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    fs::write(&config, "FETCH_ALLOW=\"127.0.0.0/8\"\nFETCH_TIMEOUT=1\n").unwrap();
    let begin = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_snf-image"))
        .arg("--config")
        .arg(&config)
        .args(["deploy", "--size", "16M", "--image", image, "--target"])
        .arg(folder.path().join("disk"))
        .output()
        .unwrap();
    assert!(begin.elapsed() < BOUND, "{:?}", begin.elapsed());
    (folder, output)
}

/// Why a deployment is refused: the one line that it says.
fn refusal(image: &str) -> String {
    let (folder, output) = deploy(image);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(output.stdout.is_empty());
    assert!(!folder.path().join("disk").exists());
    text
}

#[test]
fn an_answer_without_an_image_is_one_line() {
    for (status, headers, words) in [
        ("404 Not Found", "", "status 404"),
        ("403 Forbidden", "", "status 403"),
        ("500 Internal Server Error", "", "status 500"),
        (
            "206 Partial Content",
            "Content-Range: bytes 0-4/5\r\n",
            "status 206",
        ),
        ("304 Not Modified", "", "status 304"),
        (
            "302 Found",
            "Location: /again\r\n",
            "redirects more than 5 times",
        ),
        (
            "302 Found",
            "Location: http://169.254.169.254/latest\r\n",
            "FETCH_ALLOW",
        ),
        (
            "302 Found",
            "Location: http://10.0.0.1:22/\r\n",
            "FETCH_ALLOW",
        ),
        (
            "302 Found",
            "Location: file:///etc/passwd\r\n",
            "redirects elsewhere",
        ),
        (
            "302 Found",
            "Location: gopher://127.0.0.1:70/1\r\n",
            "redirects elsewhere",
        ),
        (
            "302 Found",
            "Location: ftp://127.0.0.1/image\r\n",
            "redirects elsewhere",
        ),
        (
            "200 OK",
            "Content-Type: text/html; charset=utf-8\r\n",
            "sends a web page",
        ),
        (
            "200 OK",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "HTTP as it should",
        ),
        ("200 OK", "Content-Length: 5, 6\r\n", "HTTP as it should"),
        (
            "200 OK",
            "Content-Length: 99999999999999999999\r\n",
            "HTTP as it should",
        ),
    ] {
        let server = Server::start(move |_| vec![answer(status, headers, b"<html>\nhello")]);
        let reason = refusal(&server.url("/image"));
        assert!(reason.contains(words), "{status} {headers}: {reason}");
        let requests = server.requests().len();
        assert_eq!(requests, if words.contains("5 times") { 6 } else { 1 });
    }
}

#[test]
fn a_server_that_is_no_web_server_is_one_line() {
    let silent = Server::start(|_| vec![Act::Hold]);
    assert!(refusal(&silent.url("/image")).contains("took too long"));
    let slow = Server::start(|_| {
        let head = format!("HTTP/1.1 200 OK\r\nX-Slow: {}", "x".repeat(200));
        vec![Act::Trickle(head.into_bytes())]
    });
    assert!(refusal(&slow.url("/image")).contains("took too long"));
    let other = Server::start(|_| vec![Act::Send(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())]);
    refusal(&other.url("/image"));
    let gone = Server::start(|_| Vec::new());
    let url = gone.url("/image");
    refusal(&url);
    drop(gone);
    assert!(refusal(&url).contains("refused"));
}

#[test]
fn another_port_is_another_host_s_matter_and_gets_no_password() {
    let other = Server::start(|request| vec![part(request, b"<", "Content-Type: text/html", 1)]);
    let address = other.address();
    for location in [
        format!("http://{address}/there"),
        format!("//{address}/there"),
    ] {
        let header = format!("Location: {location}\r\n");
        let server = Server::start(move |_| vec![answer("302 Found", &header, b"")]);
        assert!(refusal(&server.url("/image")).contains("sends a web page"));
    }
    let requests = other.requests();
    assert_eq!(requests.len(), 2);
    assert!(
        requests
            .iter()
            .all(|request| request.header("authorization").is_none())
    );
}

#[test]
fn a_password_that_a_server_sends_elsewhere_with_is_not_shown() {
    for location in [
        "http://you:hunter2@127.0.0.1:1/image?hunter2",
        "http://you:hunter2@10.0.0.1/image",
        "https://you:hunter2@nothing.invalid/image",
        "file://you:hunter2@localhost/image",
    ] {
        let header = format!("Location: {location}\r\n");
        let server = Server::start(move |_| vec![answer("302 Found", &header, b"")]);
        refusal(&server.url("/image"));
    }
}

#[test]
fn schemes_that_nothing_reads_are_refused() {
    for image in [
        "gopher://hunter2/x",
        "dict://127.0.0.1:11211/hunter2",
        "file:///etc/passwd/hunter2",
        "http://",
        "ftp:///hunter2",
    ] {
        refusal_of_a_name(image);
    }
}

fn refusal_of_a_name(image: &str) {
    let (folder, output) = deploy(image);
    assert_eq!(output.status.code(), Some(2), "{image}: {output:?}");
    assert!(!folder.path().join("disk").exists());
}
