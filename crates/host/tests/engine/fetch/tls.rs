//! Servers that are known by a certificate.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use snf_image::fetch::Options;
use tempfile::TempDir;

use crate::fetch::client::{failure, fetch, image, options};

/// Serves the files of its folder, and prints its port.
const SCRIPT: &str = "
import http.server, ssl
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('certificate', 'key')
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
";

/// A web server with a certificate of its own making for `localhost`.
struct Secure {
    folder: TempDir,
    python: Child,
    port: String,
}

impl Secure {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        certify(folder.path());
        let mut python = Command::new("python3")
            .args(["-c", SCRIPT])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = python.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        Secure {
            folder,
            python,
            port: line.trim().into(),
        }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/image", self.port)
    }

    fn trusting(&self) -> Options {
        let certificate = self.folder.path().join("certificate");
        Options {
            authorities: Some(fs::read_to_string(certificate).unwrap()),
            ..options()
        }
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = self.python.kill();
        let _ = self.python.wait();
    }
}

pub(crate) fn certify(folder: &Path) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args([
            "-nodes",
            "-keyout",
            "key",
            "-out",
            "certificate",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn a_server_is_believed_by_its_certificate_alone() {
    let server = Secure::start();
    let bytes = image(500_000);
    fs::write(server.folder.path().join("image"), &bytes).unwrap();

    let fetched = fetch(&server.url("localhost"), &server.trusting()).unwrap();
    fetched.outcome.unwrap();
    assert!(fetched.bytes == bytes);

    let reason = failure(&server.url("localhost"), &options());
    assert!(reason.contains("certificate"), "{reason}");
    let reason = failure(&server.url("127.0.0.1"), &server.trusting());
    assert!(reason.contains("certificate"), "{reason}");
}

#[test]
fn certificates_that_are_none_are_refused() {
    for text in ["", "hunter2", "-----BEGIN CERTIFICATE-----\nhunter2\n"] {
        let options = Options {
            authorities: Some(text.into()),
            ..options()
        };
        let reason = failure("https://localhost/", &options);
        assert!(reason.contains("FETCH_CA_FILE"), "{reason}");
    }
}
