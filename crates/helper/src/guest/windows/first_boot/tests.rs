//! Scripts of the first start: what they say, and that no text in them is code.
// SPDX-License-Identifier: BSD-2-Clause

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use snf_image_protocol::{Domain, Ipv4, Ipv6, Nic, Route};

use super::*;
use crate::guest::testing::Image;

/// The texts that a script holds in encoded form.
fn texts(script: &[u8]) -> Vec<String> {
    let script = str::from_utf8(script).unwrap();
    let parts = script.split("FromBase64String('").skip(1);
    parts
        .map(|part| {
            let bytes = STANDARD.decode(part.split('\'').next().unwrap()).unwrap();
            let units = bytes
                .chunks(2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            String::from_utf16(&units.collect::<Vec<_>>()).unwrap()
        })
        .collect()
}

#[test]
fn the_lines_are_put_first_and_only_once() {
    let own = b"@echo off\r\nexit /b 0\r\n";
    let first = with_ours(own);
    assert!(first.ends_with(own));
    assert_eq!(with_ours(&first), first);
    let mut changed = first.clone();
    changed.extend(b"rem more\r\n");
    assert!(with_ours(&changed).ends_with(b"exit /b 0\r\nrem more\r\n"));
    let text = String::from_utf8(first).unwrap();
    assert!(
        !text.contains("(goto)"),
        "it must not remove what is of the image"
    );
}

#[test]
fn a_file_that_is_only_ours_removes_itself() {
    let text = String::from_utf8(with_ours(b"")).unwrap();
    assert!(text.contains("del /f /q \"%~f0\""));
    assert_eq!(with_ours(text.as_bytes()), text.as_bytes());
    insta::assert_snapshot!(text.replace('\r', ""));
}

#[test]
fn a_step_is_put_there_with_what_runs_and_removes_it() {
    let image = Image::empty();
    image.file(SETUP_COMPLETE, "@echo theirs\r\n");
    image.confined(|root| add(&root, Moment::EndOfSetup, "10-x.ps1", b"x").unwrap());
    assert_eq!(image.text(&format!("{DIRECTORY}/10-x.ps1")), "x");
    let runner = image.text(&format!("{DIRECTORY}/{RUNNER}"));
    assert_eq!(runner.matches('\n').count(), runner.matches("\r\n").count());
    assert!(runner.contains("WriteThrough"));
    let batch = image.text(SETUP_COMPLETE);
    assert!(batch.contains("first-boot.ps1") && batch.ends_with("@echo theirs\r\n"));
}

#[test]
fn a_step_for_later_is_run_by_a_script_of_cloudbase_init_that_removes_it_and_itself() {
    let image = Image::empty();
    image.confined(|root| {
        let moment = Moment::AfterCloudbaseInit("/Scripts of others");
        add(&root, moment, "10-x.ps1", b"x").unwrap();
    });
    assert_eq!(image.text(&format!("{LAST_DIRECTORY}/10-x.ps1")), "x");
    assert_eq!(
        image.attributes(&format!("{LAST_DIRECTORY}/10-x.ps1")).2,
        0o600
    );
    assert!(image.path(&format!("{LAST_DIRECTORY}/{RUNNER}")).exists());
    assert!(!image.path(SETUP_COMPLETE).exists() && !image.path(DIRECTORY).exists());
    let script = image.text(&format!("/Scripts of others/{LAST_SCRIPT}"));
    insta::assert_snapshot!(script.replace('\r', ""));
}

#[test]
fn no_character_of_a_password_or_name_is_code() {
    let all: String = (' '..='~').chain("‘’‚‛“”ä€😀".chars()).collect();
    let script = accounts(&["ann", "böb"], &all, Administrator::SwitchedOn);
    assert_eq!(texts(&script), [&all, "ann", "böb"]);
    // Nothing but the encoded form depends on them.
    let other = accounts(&["ann", "böb"], "x", Administrator::SwitchedOn);
    let bare = |script: &[u8]| {
        let script = String::from_utf8(script.to_vec()).unwrap();
        let lines = script
            .lines()
            .filter(|line| !line.contains("FromBase64String"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(bare(&script), bare(&other));
    assert!(script.is_ascii());
    let keys = administrators_keys(&["ssh-ed25519 AAAA a'b", "ssh-rsa BBBB"]);
    assert_eq!(texts(&keys), ["ssh-ed25519 AAAA a'b\nssh-rsa BBBB"]);
}

#[test]
fn without_other_users_the_password_is_not_in_the_script() {
    let script = |administrator| accounts(&[], "hunter2", administrator);
    assert!(texts(&script(Administrator::SwitchedOn)).is_empty());
    assert_eq!(texts(&script(Administrator::Given)), ["hunter2"]);
}

fn nic() -> Nic {
    Nic::new("52:54:00:ab:cd:ef".parse().unwrap())
}

#[test]
fn interfaces_are_found_by_their_address_and_get_all_that_was_asked_for() {
    let mut one = nic();
    one.ipv4 = Ipv4::Static {
        address: Ipv4Addr::new(192, 0, 2, 5),
        prefix: 24,
        gateway: Some(Ipv4Addr::new(198, 51, 100, 1)),
    };
    one.ipv6 = Ipv6::Static {
        address: "2001:db8::5".parse::<Ipv6Addr>().unwrap(),
        prefix: 64,
        gateway: Some("fe80::1".parse().unwrap()),
    };
    one.mtu = Some(1400);
    one.dns_servers = ["192.0.2.53", "192.0.2.54", "2001:db8::53"]
        .map(|server| server.parse().unwrap())
        .into();
    one.dns_search = vec![Domain::new("example.org").unwrap()];
    one.routes = vec![Route {
        to: "10.0.0.0/8".parse().unwrap(),
        via: "192.0.2.9".parse().unwrap(),
    }];
    let mut two = nic();
    two.ipv4 = Ipv4::Dhcp;
    two.ipv6 = Ipv6::SlaacDhcp;
    let mut three = nic();
    three.ipv6 = Ipv6::Dhcp;
    // Nothing is said to a protocol that the interface shall not have.
    three.mtu = Some(1400);
    three.dns_servers = one.dns_servers.clone();
    let mut four = nic();
    four.ipv4 = Ipv4::Dhcp;
    four.mtu = Some(1400);
    four.dns_servers = one.dns_servers.clone();
    let mut left = nic();
    left.is_asked_for = false;
    let script = network::script(&[one, two, three, four, left]).unwrap();
    let script = String::from_utf8(script).unwrap();
    let (_, lines) = script.split_once("$failures = @()").unwrap();
    insta::assert_snapshot!(lines.replace('\r', ""));
}

#[test]
fn what_windows_does_by_itself_needs_no_script() {
    let mut plain = nic();
    plain.is_asked_for = false;
    plain.ipv4 = Ipv4::Dhcp;
    assert_eq!(network::script(&[plain.clone()]), None);
    plain.is_asked_for = true;
    assert!(network::script(&[plain]).is_some());
}
