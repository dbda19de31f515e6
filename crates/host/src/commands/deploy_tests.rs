//! What the command line alone can tell is wrong.
// SPDX-License-Identifier: BSD-2-Clause

use clap::Parser;

use super::*;
use crate::cli::Command;

/// The request of `snf-image deploy` with these words behind a target, or why there is none.
fn asked(words: &[&str]) -> Result<Request, String> {
    let begin = ["snf-image", "deploy", "--target", "disk"];
    let cli = Cli::try_parse_from(begin.iter().chain(words)).unwrap();
    let Command::Deploy(arguments) = cli.command else {
        panic!("another command");
    };
    request(&arguments).map_err(|failure| {
        assert_eq!(failure.exit_status(), 2);
        failure.to_string()
    })
}

#[test]
fn what_has_no_effect_is_refused_with_the_name_of_its_option() {
    const NIC: &str = "mac=52:54:00:12:34:56,dhcp";
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = empty.path().to_str().unwrap();
    let digest = format!("sha256:{}", "0".repeat(64));
    let missing = "/nonexistent/file";
    for (words, said) in [
        (
            &["--image", "null", "--digest", &digest][..],
            "--digest is about an image",
        ),
        (
            &["--image", "null", "--digest-url", empty],
            "--digest-url is about an image",
        ),
        (
            &["--image", "null", "--signature-url", empty],
            "--signature-url is about an image",
        ),
        (
            &["--image", "null", "--format", "qcow2"],
            "--format is about an image",
        ),
        (&["--image", "i", "--custom-task", empty], "--custom-task: "),
        (&["--image", "i", "--first-boot", empty], "is empty"),
        (
            &["--image", "i", "--custom-task", missing],
            "--custom-task: reading /nonexistent",
        ),
        (
            &["--image", "i", "--inject", "/nonexistent/file:/x"],
            "--inject: reading /nonexistent",
        ),
        (
            &["--image", "i", "--digest-url", missing],
            "--digest-url: /nonexistent/file does not exist",
        ),
        (
            &["--image", "i", "--nic", NIC, "--nic", NIC],
            "two network interfaces have the MAC address 52:54:00:12:34:56",
        ),
        (
            &["--image", "i", "--nic", NIC, "--property", "NIC_1_MTU=1400"],
            "property NIC_1_MTU is about network interface 1",
        ),
    ] {
        let refusal = asked(words).unwrap_err();
        assert!(refusal.contains(said), "{words:?}: {refusal}");
    }
    asked(&[
        "--image",
        "null",
        "--nic",
        NIC,
        "--property",
        "NIC_0_MTU=1400",
    ])
    .unwrap();
}
