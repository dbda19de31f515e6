//! What is made of a server's answer, and of a URL.
// SPDX-License-Identifier: BSD-2-Clause

use super::*;

#[test]
fn an_object_gives_parameters() {
    let body = r#"{"IMG_ID": "debian", "img_properties": {"USERS": "root"}, "auth_keys": null}"#;
    let values = parse(body.as_bytes()).unwrap();
    assert_eq!(values["img_id"].value.expose(), "debian");
    assert_eq!(
        values["img_properties"].value.expose(),
        r#"{"USERS":"root"}"#
    );
    assert_eq!(
        (values.len(), &values["img_id"].origin),
        (2, &Origin::ConfigUrl)
    );
}

#[test]
fn answers_that_mean_nothing_are_refused_without_quoting_them() {
    for (body, words) in [
        ("", "not a JSON object"),
        ("[\"hunter2\"]", "not a JSON object"),
        (r#"{"hunter2": "red"}"#, "no OS parameter"),
        (r#"{"img_passwd": ["hunter2"]}"#, "not text"),
        (r#"{"img_passwd": 1}"#, "not text"),
        (r#"{"config_url": "http://hunter2"}"#, "not followed"),
        (r#"{"img_id": "x", "IMG_ID": "y"}"#, "twice"),
    ] {
        let text = parse(body.as_bytes()).unwrap_err();
        assert!(text.contains(words), "{body}: {text}");
        assert!(!text.contains("hunter2") && !text.contains('\n'), "{text}");
    }
}

#[test]
fn only_web_addresses_are_followed() {
    let cancel = Cancel::new().unwrap();
    for url in [
        "",
        "file:///etc/passwd",
        "ftp://example.org/x",
        "http:",
        "/etc/passwd",
        "dict://localhost:11211/x",
    ] {
        let refused = fetch(url, &Settings::default(), &cancel);
        assert!(matches!(refused, Err(UrlError::Scheme)), "{url}");
    }
    assert_eq!(
        shown("https://user:pass@example.org:8443/a?b=c"),
        "https://example.org:8443"
    );
}
