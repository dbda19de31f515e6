//! A server on this machine, and what is made of its answers.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;

/// Serves these answers, one a connection, and gives the URL to begin with and, later, what
/// was asked for.
fn serve(answers: Vec<String>) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requests = thread::spawn(move || {
        let answer = |answer: String| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            // A client that has heard enough goes away.
            let _ = stream.write_all(answer.as_bytes());
            String::from_utf8_lossy(&request[..length]).into_owned()
        };
        answers.into_iter().map(answer).collect()
    });
    (
        format!("http://user:hunter2@{address}/path?token=hunter2"),
        requests,
    )
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn fault(answers: Vec<String>) -> String {
    let (url, _requests) = serve(answers);
    let text = fetch(&url).unwrap_err().to_string();
    assert!(!text.contains("hunter2") && !text.contains('\n'), "{text}");
    text
}

#[test]
fn an_object_gives_parameters_and_the_server_learns_who_asks() {
    let body = r#"{"IMG_ID": "debian", "img_properties": {"USERS": "root"}, "auth_keys": null}"#;
    let (url, requests) = serve(vec![ok(body)]);
    let values = fetch(&url).unwrap();
    assert_eq!(values["img_id"].value.expose(), "debian");
    assert_eq!(
        values["img_properties"].value.expose(),
        r#"{"USERS":"root"}"#
    );
    assert_eq!(
        (values.len(), &values["img_id"].origin),
        (2, &Origin::ConfigUrl)
    );
    let request = requests.join().unwrap().remove(0).to_lowercase();
    assert!(request.starts_with("get /path?token=hunter2 "), "{request}");
    assert!(request.contains("authorization: basic "), "{request}");
}

#[test]
fn answers_that_mean_nothing_are_refused_without_quoting_them() {
    for (body, words) in [
        ("", "not a JSON object"),
        ("[\"hunter2\"]", "not a JSON object"),
        (r#"{"img_colour": "hunter2"}"#, "no OS parameter"),
        (r#"{"img_passwd": ["hunter2"]}"#, "not text"),
        (r#"{"img_passwd": 1}"#, "not text"),
        (r#"{"config_url": "http://hunter2"}"#, "not followed"),
        (r#"{"img_id": "x", "IMG_ID": "y"}"#, "twice"),
    ] {
        let text = fault(vec![ok(body)]);
        assert!(text.contains(words), "{body}: {text}");
    }
}

#[test]
fn a_server_has_its_limits() {
    assert!(
        fault(vec![
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into()
        ])
        .contains("status 404")
    );
    assert!(fault(vec![ok(&" ".repeat((1 << 20) + 1))]).contains("1 MiB"));
    let again =
        "HTTP/1.1 302 Found\r\nLocation: /again\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert!(fault(vec![again.to_owned(); 6]).contains("5 redirections"));
    let elsewhere = again.replace("/again", "file:///etc/passwd");
    fault(vec![elsewhere]);
}

#[test]
fn only_web_addresses_are_followed() {
    for url in [
        "",
        "file:///etc/passwd",
        "ftp://example.org/x",
        "http:",
        "/etc/passwd",
        "dict://localhost:11211/x",
    ] {
        assert!(matches!(fetch(url), Err(UrlError::Scheme)), "{url}");
    }
    assert_eq!(
        shown("https://user:pass@example.org:8443/a?b=c"),
        "https://example.org:8443"
    );
}
