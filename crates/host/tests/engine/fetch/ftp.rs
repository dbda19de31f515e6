//! Images from a real FTP server, with TLS and without, whole and broken.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use snf_image::fetch::{Options, Policy};
use tempfile::TempDir;

use crate::fetch::client::{failure, fetch, image, options};
use crate::fetch::tls::certify;

const LENGTH: usize = 1_000_000;

/// pyftpdlib over a folder, its commands and ports printed as they come. What the handler does to
/// transfers is said by words on standard input: `cut N` breaks the next one after N bytes.
const SERVER: &str = r#"
import sys, threading
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler, DTPHandler, TLS_DTPHandler
from pyftpdlib.servers import FTPServer
mode, options = sys.argv[1], sys.argv[2:]
cuts = [int(option[4:]) for option in options if option.startswith("cut=")]

def cutting(base):
    class Cutting(base):
        left = None
        def send(self, data):
            if self.left is None:
                self.left = cuts.pop(0) if cuts else -1
            if self.left < 0:
                return super().send(data)
            sent = super().send(data[:self.left]) if self.left else 0
            self.left -= sent
            if not self.left:
                self.cmd_channel.close()
                self.close()
            return sent
    return Cutting

class Plain(FTPHandler):
    use_sendfile = False
    dtp_handler = cutting(DTPHandler)

class Explicit(TLS_FTPHandler):
    dtp_handler = cutting(TLS_DTPHandler)
    certfile, keyfile = "certificate", "key"
    tls_control_required = tls_data_required = True

class Implicit(Explicit):
    def handle(self):
        self.secure_connection(self.get_ssl_context() if hasattr(self, "get_ssl_context") else self.ssl_context)
        super().handle()

handler = {"plain": Plain, "explicit": Explicit, "implicit": Implicit}[mode]
authorizer = DummyAuthorizer()
authorizer.add_user("me", "hunter2", ".", perm="elr")
authorizer.add_anonymous(".")
handler.authorizer = authorizer
handler.auth_failed_timeout = 0
if "masquerade" in options:
    # What a server behind a translator says, or one that wants others to be connected to.
    handler.masquerade_address = "10.0.0.1"
for option in options:
    if option.startswith("without="):
        for command in option[8:].split(","):
            handler.proto_cmds = {k: v for k, v in handler.proto_cmds.items() if k != command}
class Told(handler):
    def pre_process_command(self, line, cmd, arg):
        if cmd != "PASS":
            print(cmd, arg, flush=True)
        super().pre_process_command(line, cmd, arg)
server = FTPServer(("127.0.0.1", 0), Told)
print(server.address[1], flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), server.close_all()), daemon=True).start()
server.serve_forever()
"#;

struct Ftp {
    folder: TempDir,
    python: Child,
    _stdin: ChildStdin,
    told: Option<BufReader<std::process::ChildStdout>>,
    port: String,
}

impl Ftp {
    /// Serves `image`, a file of [`LENGTH`] bytes.
    fn start(mode: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if mode != "plain" {
            certify(folder.path());
        }
        fs::write(folder.path().join("an image"), image(LENGTH)).unwrap();
        // The system's own Python, which has the package.
        let mut python = Command::new("/usr/bin/python3")
            .args(["-c", SERVER, mode])
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut told = BufReader::new(python.stdout.take().unwrap());
        told.read_line(&mut line).unwrap();
        let stdin = python.stdin.take().unwrap();
        Ftp {
            folder,
            python,
            _stdin: stdin,
            told: Some(told),
            port: line.trim().into(),
        }
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://me:hunter2@localhost:{}/an%20image", self.port)
    }

    /// Ends the server and gives the commands that it got.
    fn commands(mut self) -> Vec<String> {
        self.python.kill().unwrap();
        let told = self.told.take().unwrap();
        told.lines().map_while(Result::ok).collect()
    }
}

impl Drop for Ftp {
    fn drop(&mut self) {
        let _ = self.python.kill();
        let _ = self.python.wait();
    }
}

fn trusting(server: &Ftp) -> Options {
    let certificate = fs::read_to_string(server.folder.path().join("certificate"));
    Options {
        authorities: certificate.ok(),
        ..options()
    }
}

#[test]
fn an_image_comes_with_tls_and_without() {
    for (mode, scheme) in [
        ("plain", "ftp"),
        ("implicit", "ftps"),
        ("explicit", "ftpes"),
    ] {
        let server = Ftp::start(mode, &[]);
        let fetched = fetch(&server.url(scheme), &trusting(&server)).unwrap();
        fetched.outcome.unwrap();
        assert_eq!(fetched.length, u64::try_from(LENGTH).ok(), "{scheme}");
        assert!(fetched.bytes == image(LENGTH), "{scheme}");
        let commands = server.commands();
        assert!(commands.contains(&"TYPE I".into()) && commands.contains(&"EPSV ".into()));
        let is_protected = commands.contains(&"PROT P".into());
        assert_eq!(is_protected, mode != "plain", "{commands:?}");
    }
}

#[test]
fn a_broken_transfer_is_taken_up_again_where_it_broke() {
    for (mode, scheme) in [("plain", "ftp"), ("implicit", "ftps")] {
        for percent in [1, 50, 99] {
            let cut = LENGTH / 100 * percent;
            // Once more during the resumption, a little later.
            let server = Ftp::start(mode, &[&format!("cut={cut}"), "cut=5000"]);
            let fetched = fetch(&server.url(scheme), &trusting(&server)).unwrap();
            fetched.outcome.unwrap();
            assert!(fetched.bytes == image(LENGTH), "{percent} %");
            let commands = server.commands();
            let restarts: Vec<_> = commands.iter().filter(|c| c.starts_with("REST")).collect();
            // With TLS what was sent last may be lost.
            if mode == "plain" {
                assert_eq!(
                    restarts,
                    [&format!("REST {cut}"), &format!("REST {}", cut + 5000)]
                );
            } else {
                assert_eq!(restarts.len(), 2, "{restarts:?}");
            }
        }
    }
}

#[test]
fn what_changed_or_cannot_be_known_is_not_resumed() {
    let server = Ftp::start("plain", &["cut=5000", "without=MDTM"]);
    let reason = failure(&server.url("ftp"), &options());
    assert!(reason.contains("byte 5000 of 1000000"), "{reason}");
    assert!(reason.contains("nothing to know the image by"), "{reason}");

    let server = Ftp::start("plain", &["cut=5000"]);
    let path = server.folder.path().join("an image");
    let options = Options {
        pause: std::time::Duration::from_secs(1),
        ..options()
    };
    let mut stream = crate::fetch::client::start(&server.url("ftp"), &options).unwrap();
    fs::File::options()
        .append(true)
        .open(path)
        .unwrap()
        .write_all(b"more")
        .unwrap();
    std::io::copy(&mut stream.bytes, &mut std::io::sink()).unwrap();
    let cancel = snf_image::cancel::Cancel::new().unwrap();
    let reason = stream.producer.finish(&cancel).unwrap_err().to_string();
    assert!(reason.contains("has changed on the server"), "{reason}");
}

#[test]
fn the_address_that_a_server_names_is_not_connected_to() {
    let server = Ftp::start("plain", &["masquerade", "without=EPSV"]);
    let fetched = fetch(&server.url("ftp"), &options()).unwrap();
    fetched.outcome.unwrap();
    assert!(fetched.bytes == image(LENGTH));
    assert!(server.commands().contains(&"PASV ".into()));
}

#[test]
fn a_length_may_be_unknown() {
    let server = Ftp::start("plain", &["without=SIZE,MDTM"]);
    let fetched = fetch(&server.url("ftp"), &options()).unwrap();
    fetched.outcome.unwrap();
    assert_eq!(fetched.length, None);
    assert!(fetched.bytes == image(LENGTH));
}

#[test]
fn what_is_refused_is_one_line() {
    let server = Ftp::start("plain", &[]);
    let port = &server.port;
    for (url, words) in [
        (
            format!("ftp://me:hunter2x@localhost:{port}/an%20image"),
            "refuses the user or the password (reply 530)",
        ),
        (
            format!("ftp://localhost:{port}/hunter2"),
            "has no such image to send (reply 550)",
        ),
        (format!("ftp://localhost:{port}/"), "names no file"),
        (
            format!("ftp://localhost:{port}/a%0d%0aDELE%20b"),
            "control character",
        ),
        (
            format!("ftpes://localhost:{port}/x"),
            "does not speak TLS here",
        ),
        (format!("ftps://localhost:{port}/x"), ""),
        ("ftp://localhost:1/x".into(), "connection was refused"),
        ("ftp://nothing.invalid/x".into(), "the host is not known"),
    ] {
        let options = Options {
            policy: Policy {
                allow: vec!["*".parse().unwrap()],
                deny: Vec::new(),
            },
            ..options()
        };
        let reason = match fetch(&url, &options) {
            Err(reason) => reason,
            Ok(_) => panic!("{url}"),
        };
        assert!(
            reason.contains(words) && !reason.contains('\n'),
            "{url}: {reason}"
        );
        assert!(!reason.contains("hunter2x"), "{reason}");
    }
}

#[test]
fn a_server_is_believed_by_its_certificate_alone() {
    for (mode, scheme) in [("implicit", "ftps"), ("explicit", "ftpes")] {
        let server = Ftp::start(mode, &[]);
        let reason = failure(&server.url(scheme), &options());
        assert!(reason.contains("certificate"), "{reason}");
        let other = server.url(scheme).replace("localhost", "127.0.0.1");
        let reason = failure(&other, &trusting(&server));
        assert!(reason.contains("certificate"), "{reason}");
    }
}

#[test]
fn addresses_are_under_the_same_rules() {
    let server = Ftp::start("plain", &[]);
    let closed = Options {
        policy: Policy::default(),
        ..options()
    };
    for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "0x7f.1"] {
        for scheme in ["ftp", "ftps", "ftpes"] {
            let reason = failure(&format!("{scheme}://{host}:{}/x", server.port), &closed);
            assert!(reason.contains("FETCH_ALLOW"), "{reason}");
        }
    }
    let proxied = Options {
        proxy: Some("http://127.0.0.1:1".into()),
        ..options()
    };
    let reason = failure(&server.url("ftp"), &proxied);
    assert!(reason.contains("FETCH_PROXY"), "{reason}");
    assert!(server.commands().is_empty());
}
