//! OS parameters from a URL, fetched as images are.
// SPDX-License-Identifier: BSD-2-Clause

use snf_image::cancel::Cancel;
use snf_image::config::Settings;
use snf_image::ganeti::config_url::{UrlError, fetch};
use snf_image::role;
use snf_image_testkit::http::{Act, Server, answer, whole};

/// Settings that permit this machine, or do not.
fn settings(is_open: bool) -> Settings {
    role::taken_by(env!("CARGO_BIN_EXE_snf-image").into());
    let mut settings = Settings::default();
    if is_open {
        settings.fetch_allow = vec!["127.0.0.0/8".parse().unwrap()];
    }
    settings
}

fn fault(is_open: bool, act: fn() -> Act) -> String {
    let server = Server::start(move |_| vec![act()]);
    let cancel = Cancel::new().unwrap();
    let fault = fetch(&server.url("/secret"), &settings(is_open), &cancel).unwrap_err();
    let text = fault.to_string();
    assert!(
        ["hunter2", "secret", "\n"]
            .iter()
            .all(|word| !text.contains(word)),
        "{text}"
    );
    assert!(text.contains(&server.address().to_string()), "{text}");
    text
}

#[test]
fn parameters_come_from_where_images_may_come_from_and_the_server_learns_who_asks() {
    let object = || whole(br#"{"IMG_ID": "debian"}"#);
    let server = Server::start(move |_| vec![object()]);
    let cancel = Cancel::new().unwrap();
    let values = fetch(&server.url("/path"), &settings(true), &cancel).unwrap();
    assert_eq!(values["img_id"].value.expose(), "debian");
    let asked = server.requests();
    assert_eq!(asked[0].path, "/path?token=hunter2");
    assert!(
        asked[0]
            .header("authorization")
            .unwrap()
            .starts_with("Basic ")
    );
    assert!(fault(false, object).contains("FETCH_ALLOW"));
}

#[test]
fn a_server_has_its_limits() {
    let missing = || answer("404 Not Found", "Content-Length: 0\r\n", b"");
    assert!(fault(true, missing).contains("status 404"));
    assert!(fault(true, || whole(&vec![b' '; (1 << 20) + 1])).contains("1048576"));
    let elsewhere = || answer("302 Found", "Location: file:///etc/passwd\r\n", b"");
    assert!(fault(true, elsewhere).contains("redirects elsewhere"));
}

#[test]
fn a_wish_to_stop_is_heeded() {
    let server = Server::start(|_| vec![Act::Hold]);
    let cancel = Cancel::new().unwrap();
    cancel.cancel();
    let fault = fetch(&server.url("/path"), &settings(true), &cancel).unwrap_err();
    assert!(matches!(fault, UrlError::Interrupted), "{fault}");
}
