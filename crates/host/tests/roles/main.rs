//! What each role's process can still do, tried from inside: this program takes the roles itself.
//!
//! The host's side is the product's, so that each process stands behind exactly the barriers that
//! it has in use. Instead of its work it tries everything that it should not be able to do, and
//! tells what came of it as the reason why the work failed.
// SPDX-License-Identifier: BSD-2-Clause
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod probe;
mod tries;

use std::fs::{self, File};
use std::net::TcpListener;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use snf_image::cancel::Cancel;
use snf_image::copy::{Copying, Order};
use snf_image::fetch::{self, Options, Policy};
use snf_image::format::Format;
use snf_image::role::{self, Role};
use snf_image::source::{Input, Source, Url};
use snf_image::target::Target;
use snf_image::verification::{Checks, Verifying};
use snf_image_sandbox::{User, launcher};

use probe::Findings;

/// What nobody can do, whatever his role is.
const NEVER: [&str; 27] = [
    "read /etc/passwd",
    "read /etc/shadow",
    "read /proc/1/environ",
    "read /proc/self/status",
    "read /proc/self/mem",
    "list /",
    "list /proc",
    "create /tmp/file",
    "create /var/tmp/file",
    "create /dev/shm/file",
    "create a file in memory",
    "remove /etc/hostname",
    "write /dev/null",
    "connect to a UNIX socket",
    "open a packet socket",
    "open a raw socket",
    "start a program",
    "become a program",
    "trace a process",
    "signal a process",
    "become root",
    "change groups",
    "leave a namespace",
    "mount",
    "change the root directory",
    "raise a limit",
    "become readable to others",
];

/// What only the one that fetches can do: that is its work.
const NETWORK: [&str; 4] = [
    "read /etc/hosts",
    "list /etc/ssl/certs",
    "connect over IP",
    "open a datagram socket",
];

fn main() {
    let called = std::env::args_os().next().unwrap_or_default();
    if launcher::is_launcher(&called) {
        launcher::main();
    }
    if let Some(role) = Role::from_argv0(&called) {
        probe::main(role);
    }
    let tests = vec![
        Trial::test("the_copy_reaches_its_image_and_its_target_alone", copy),
        Trial::test("the_verification_reaches_its_image_alone", verification),
        Trial::test(
            "the_download_reaches_the_network_and_no_file_of_others",
            download,
        ),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit();
}

fn user() -> User {
    role::taken_by(std::env::current_exe().unwrap());
    User::lookup("nobody").unwrap()
}

fn copy() -> Result<(), Failed> {
    let user = user();
    let folder = tempfile::tempdir()?;
    let image = folder.path().join("image");
    fs::write(&image, "an image")?;
    let target = Target::open(&folder.path().join("disk"), Some(4096), None)?;
    let order = Order {
        format: Format::Diskdump,
        exporter: None,
    };
    let input = Input::File(Source::open(&image)?);
    let copying = Copying::start(input, order, &target, &user)?;
    let failure = copying.finish(&mut |_, _| (), &Cancel::new()?).unwrap_err();
    let findings = Findings::read(&failure.to_string());
    findings.never(&NEVER);
    findings.never(&NETWORK);
    // So that the tries are seen to be able to succeed.
    findings.always(&[
        "read the image that was passed",
        "write the target that was passed",
    ]);
    Ok(())
}

fn verification() -> Result<(), Failed> {
    let user = user();
    let image = tempfile::NamedTempFile::new()?;
    fs::write(image.path(), "an image")?;
    let checks = Checks::default();
    let input = Input::File(Source::open(image.path())?);
    let (_, verifying) = Verifying::start(input, checks, None, &user)?;
    let failure = verifying.finish(&Cancel::new()?).unwrap_err();
    let findings = Findings::read(&failure.to_string());
    findings.never(&NEVER);
    findings.never(&NETWORK);
    findings.always(&["read the image that was passed"]);
    Ok(())
}

fn download() -> Result<(), Failed> {
    let user = user();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = Url::parse(&format!("http://{}/image", listener.local_addr()?))?;
    let options = Options {
        policy: Policy::default(),
        proxy: None,
        authorities: None,
        patience: Duration::from_secs(1),
        pause: Duration::ZERO,
    };
    let failure = fetch::start(&url, &options, &user, &Cancel::new()?).unwrap_err();
    let findings = Findings::read(&failure.to_string());
    findings.never(&NEVER);
    // The addresses are for its own policy to refuse, see tests/engine/fetch/policy.rs.
    findings.always(&NETWORK);
    // What was connected to, so that the connection is seen to be a real one.
    drop(listener.accept()?);
    Ok(())
}

/// Whatever was opened, only that it could be matters.
fn opened(path: &str) -> std::io::Result<()> {
    File::open(path).map(drop)
}
