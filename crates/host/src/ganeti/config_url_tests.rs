//! A server on this machine, and what is made of its answers.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image_testkit::http::{Act, Server, answer, whole};

use super::*;

fn fault(answer: Act) -> String {
    let server = Server::start(move |_| vec![answer.clone()]);
    let text = fetch(&server.url("/path")).unwrap_err().to_string();
    assert!(!text.contains("hunter2") && !text.contains('\n'), "{text}");
    text
}

#[test]
fn an_object_gives_parameters_and_the_server_learns_who_asks() {
    const BODY: &str =
        r#"{"IMG_ID": "debian", "img_properties": {"USERS": "root"}, "auth_keys": null}"#;
    let server = Server::start(|_| vec![whole(BODY.as_bytes())]);
    let values = fetch(&server.url("/path")).unwrap();
    assert_eq!(values["img_id"].value.expose(), "debian");
    assert_eq!(
        values["img_properties"].value.expose(),
        r#"{"USERS":"root"}"#
    );
    assert_eq!(
        (values.len(), &values["img_id"].origin),
        (2, &Origin::ConfigUrl)
    );
    let request = server.requests().remove(0);
    assert_eq!(request.path, "/path?token=hunter2");
    let authorization = request.header("authorization").unwrap();
    assert!(authorization.starts_with("Basic "), "{authorization}");
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
        let text = fault(whole(body.as_bytes()));
        assert!(text.contains(words), "{body}: {text}");
    }
}

#[test]
fn a_server_has_its_limits() {
    let missing = answer("404 Not Found", "Content-Length: 0\r\n", b"");
    assert!(fault(missing).contains("status 404"));
    assert!(fault(whole(&vec![b' '; (1 << 20) + 1])).contains("1 MiB"));
    let found = |location: &str| {
        let headers = format!("Location: {location}\r\nContent-Length: 0\r\n");
        answer("302 Found", &headers, b"")
    };
    assert!(fault(found("/again")).contains("5 redirections"));
    fault(found("file:///etc/passwd"));
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
