//! Answer files of others and hostile ones, looked at by libxml2 too.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;
use crate::guest::testing::samples;
use crate::guest::windows::password;

const NAME: [Step<'_>; 1] = [Step::Element("ComputerName")];

/// A small file as a person writes it.
const SMALL: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n\
    <!-- </unattend> -->\r\n\
    <unattend xmlns=\"urn:schemas-microsoft-com:unattend\">\r\n\
    \t<settings pass=\"specialize\">\r\n\
    \t\t<component name=\"Microsoft-Windows-Shell-Setup\" processorArchitecture=\"amd64\">\r\n\
    \t\t\t<ComputerName>*</ComputerName>\r\n\
    \t\t\t<RegisteredOwner/>\r\n\
    \t\t</component>\r\n\
    \t</settings>\r\n\
    </unattend>\r\n";

fn parsed(text: &str) -> AnswerFile {
    AnswerFile::parse(text.as_bytes(), &[Architecture::Amd64]).unwrap()
}

fn refused(bytes: &[u8]) -> AnswerFileError {
    match AnswerFile::parse(bytes, &[Architecture::Amd64]) {
        Ok(_) => panic!("{:?} was taken", String::from_utf8_lossy(bytes)),
        Err(error) => error,
    }
}

fn shell<'a>(pass: Pass, architecture: Architecture, rest: &[Step<'a>]) -> Vec<Step<'a>> {
    let mut path = vec![
        Step::Settings(pass),
        Step::Component(SHELL_SETUP, architecture),
    ];
    path.extend_from_slice(rest);
    path
}

fn text(file: &AnswerFile) -> String {
    String::from_utf8(file.to_bytes()).unwrap()
}

/// What libxml2 thinks of a file, and what it finds at a path of names.
fn xmllint(bytes: &[u8], path: Option<&str>) -> String {
    let mut command = Command::new("xmllint");
    command.args(["--nonet", "--noout"]);
    if let Some(path) = path {
        let steps = path.split('/').map(|step| match step.split_once('@') {
            Some((name, value)) => {
                format!("/*[local-name()='{name}'][@pass='{value}' or @name='{value}']")
            }
            None => format!("/*[local-name()='{step}']"),
        });
        let steps: String = steps.collect();
        command.args(["--xpath", &format!("string({steps})")]);
    }
    let mut child = command
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end_matches('\n')
        .to_owned()
}

/// How many bytes of the old file are neither before nor behind what changed.
fn lost(old: &[u8], new: &[u8]) -> usize {
    let before = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let behind = (old.iter().rev().zip(new.iter().rev()))
        .take_while(|(a, b)| a == b)
        .count();
    old.len().saturating_sub(before + behind)
}

#[test]
fn a_value_is_replaced_and_every_other_byte_stays() {
    let mut file = parsed(SMALL);
    file.set(Pass::Specialize, SHELL_SETUP, &NAME, "vm1")
        .unwrap();
    let expected = SMALL.replace(">*<", ">vm1<");
    assert_eq!(text(&file), expected);
    let owner = [Step::Element("RegisteredOwner")];
    file.set(Pass::Specialize, SHELL_SETUP, &owner, "a & <b> ä")
        .unwrap();
    let expected = expected.replace(
        "<RegisteredOwner/>",
        "<RegisteredOwner>a &amp; &lt;b&gt; &#228;</RegisteredOwner>",
    );
    assert_eq!(text(&file), expected);
    let owner = shell(Pass::Specialize, Architecture::Amd64, &owner);
    assert_eq!(file.value(&owner).as_deref(), Some("a & <b> ä"));
}

#[test]
fn what_is_missing_goes_behind_what_is_there_in_its_form() {
    let mut file = parsed(SMALL);
    let key = [Step::Element("ProductKey")];
    file.set(Pass::Specialize, SHELL_SETUP, &key, "K").unwrap();
    let expected = SMALL.replace(
        "<RegisteredOwner/>\r\n",
        "<RegisteredOwner/>\r\n\t\t\t<ProductKey>K</ProductKey>\r\n",
    );
    assert_eq!(text(&file), expected);
    let old = file.to_bytes();
    password::set(&mut file, "Administrator", "x").unwrap();
    assert_eq!(lost(&old, &file.to_bytes()), 0);
    insta::assert_snapshot!(text(&file).replace('\r', ""));
}

#[test]
fn settings_go_where_their_pass_runs() {
    let mut file = parsed(
        "<unattend xmlns='urn:schemas-microsoft-com:unattend'>\
         <settings pass='oobeSystem'></settings></unattend>",
    );
    for pass in [
        Pass::Specialize,
        Pass::WindowsPe,
        Pass::AuditUser,
        Pass::Generalize,
    ] {
        file.set(pass, SHELL_SETUP, &NAME, "x").unwrap();
    }
    let text = text(&file);
    let places = [
        "windowsPE",
        "generalize",
        "specialize",
        "auditUser",
        "oobeSystem",
    ]
    .map(|pass| text.find(pass).unwrap());
    assert!(places.is_sorted(), "{text}");
    assert!(!text.contains('\n'));
    xmllint(text.as_bytes(), None);
}

#[test]
fn prefixes_other_architectures_and_used_settings_are_respected() {
    let text_of = |middle: &str| {
        format!(
            "<u:unattend xmlns:u='urn:schemas-microsoft-com:unattend' \
             xmlns:x='http://schemas.microsoft.com/WMIConfig/2002/State'>\n{middle}\n</u:unattend>"
        )
    };
    let old = text_of(
        "<u:settings pass='oobeSystem' wasPassProcessed='true'/>\n\
         <u:settings pass='oobeSystem'><u:component name='Microsoft-Windows-Shell-Setup' \
         processorArchitecture='x86'/></u:settings>",
    );
    let mut file = parsed(&old);
    assert!(file.has_pass(Pass::OobeSystem) && !file.has_pass(Pass::Specialize));
    let account = [
        Step::Element("UserAccounts"),
        Step::Element("LocalAccounts"),
        Step::Item("LocalAccount", "Name", "ann"),
        Step::Element("Group"),
    ];
    file.set(Pass::OobeSystem, SHELL_SETUP, &account, "Administrators")
        .unwrap();
    assert_eq!(lost(old.as_bytes(), &file.to_bytes()), 0);
    let text = text(&file);
    assert!(text.contains("<u:LocalAccount x:action=\"add\">"), "{text}");
    assert!(text.contains("processorArchitecture=\"amd64\""));
    let group = xmllint(
        text.as_bytes(),
        Some("unattend/settings/component/UserAccounts/LocalAccounts/LocalAccount/Group"),
    );
    assert_eq!(group, "Administrators");
}

#[test]
fn both_byte_orders_are_written_as_they_were_read() {
    for unit in [u16::to_le_bytes, u16::to_be_bytes] {
        for mark in ["", "\u{feff}"] {
            let bytes = |text: &str| -> Vec<u8> {
                let all = format!("{mark}{text}").replace("utf-8", "utf-16");
                all.encode_utf16().flat_map(unit).collect()
            };
            let mut file = AnswerFile::parse(&bytes(SMALL), &[Architecture::Amd64]).unwrap();
            file.set(Pass::Specialize, SHELL_SETUP, &NAME, "vm1")
                .unwrap();
            assert_eq!(file.to_bytes(), bytes(&SMALL.replace(">*<", ">vm1<")));
        }
    }
}

#[test]
fn documents_that_could_do_harm_are_refused() {
    let laughs = (1..12).fold(String::from("<!ENTITY a0 \"ha\">"), |all, number| {
        let before = format!("&a{};", number - 1).repeat(10);
        format!("{all}<!ENTITY a{number} \"{before}\">")
    });
    for text in [
        format!("<!DOCTYPE unattend [{laughs}]><unattend>&a11;</unattend>"),
        "<!DOCTYPE unattend SYSTEM 'http://192.0.2.1/x.dtd'><unattend/>".into(),
        SMALL.replace(">*<", ">&undefined;<"),
        SMALL.replace("</component>", "</components>"),
        SMALL.replace("pass=\"specialize\"", "pass=\"specialize\" pass=\"x\""),
        String::new(),
        "not XML".into(),
    ] {
        assert!(
            matches!(refused(text.as_bytes()), AnswerFileError::Xml(_)),
            "{text}"
        );
    }
    let other = SMALL.replace(UNATTEND, "urn:other");
    assert_eq!(refused(other.as_bytes()), AnswerFileError::Root);
    let latin = SMALL.replace("utf-8", "iso-8859-1");
    parsed(&latin);
    let latin = latin.replace(">*<", ">ä<");
    assert!(matches!(
        refused(latin.as_bytes()),
        AnswerFileError::Encoding(_)
    ));
    assert!(matches!(refused(b"\xff\xfe<"), AnswerFileError::Text(_)));
}

#[test]
fn deep_and_wide_documents_are_refused_in_bounded_time() {
    let begin = std::time::Instant::now();
    let root = "<unattend xmlns='urn:schemas-microsoft-com:unattend'>";
    for (inner, end, count) in [
        ("<a>", "</a>", 101),
        ("<a>", "</a>", 100_000),
        ("<a/>", "", 200_000),
    ] {
        let text = format!(
            "{root}{}{}</unattend>",
            inner.repeat(count),
            end.repeat(count)
        );
        refused(text.as_bytes());
    }
    let fine = format!("{root}{}{}</unattend>", "<a>".repeat(90), "</a>".repeat(90));
    parsed(&fine);
    assert!(begin.elapsed().as_secs() < 20);
}

#[test]
fn values_that_xml_cannot_hold_are_refused_and_change_nothing() {
    let mut file = parsed(SMALL);
    for value in ["a\0b", "\u{1}", "\u{fffe}"] {
        let result = file.set(Pass::Specialize, SHELL_SETUP, &NAME, value);
        assert_eq!(result, Err(AnswerFileError::Value));
    }
    assert_eq!(text(&file), SMALL);
}

#[test]
fn the_generated_file_is_ordered_as_microsofts_editor_does() {
    for architectures in [&Architecture::ALL[..], &[Architecture::Arm64]] {
        for is_since_6_2 in [false, true] {
            let bytes = generate(Wanted {
                architectures,
                is_since_6_2,
                time_zone: "GMT Standard Time",
                locale: "en-US",
            })
            .unwrap();
            xmllint(&bytes, None);
            let zone =
                "unattend/settings@specialize/component@Microsoft-Windows-Shell-Setup/TimeZone";
            assert_eq!(xmllint(&bytes, Some(zone)), "GMT Standard Time");
            let text = String::from_utf8(bytes).unwrap();
            let document = Document::parse(&text).unwrap();
            for node in document.descendants().filter(Node::is_element) {
                assert!(is_in_order(node), "{text}");
            }
            assert_eq!(text.contains("HideOnlineAccountScreens"), is_since_6_2);
        }
    }
    let one = generate(Wanted {
        architectures: &[Architecture::Amd64],
        is_since_6_2: true,
        time_zone: "W. Europe Standard Time",
        locale: "de-DE",
    });
    insta::assert_snapshot!(String::from_utf8(one.unwrap()).unwrap().replace('\r', ""));
}

/// Passes as they run, components and settings by their names.
fn is_in_order(node: Node<'_, '_>) -> bool {
    let keys: Vec<_> = (node.children().filter(Node::is_element))
        .map(|child| match child.tag_name().name() {
            "settings" => {
                let pass = child.attribute("pass").and_then(Pass::named).unwrap();
                format!("{}", Pass::ALL.iter().position(|own| *own == pass).unwrap())
            }
            "component" => child.attribute("name").unwrap().to_owned(),
            name => name.to_owned(),
        })
        .collect();
    keys.is_sorted()
}

#[test]
fn answer_files_that_nobody_here_wrote_are_read_and_changed() {
    let Some(samples) = samples("unattend") else {
        return;
    };
    let mut files = vec![samples.join("cloudbase/UnattendTemplate.xml")];
    for release in std::fs::read_dir(samples.join("packer-windows")).unwrap() {
        files.push(release.unwrap().path().join("Autounattend.xml"));
    }
    assert!(files.len() > 30);
    for path in files {
        let name = path.display();
        let mut old = std::fs::read(path.clone()).unwrap();
        let mut file = AnswerFile::parse(&old, &[Architecture::Amd64]).unwrap();
        assert_eq!(file.to_bytes(), old, "{name}");
        let before = file.value(&shell(Pass::Specialize, Architecture::Amd64, &NAME));
        file.set(Pass::Specialize, SHELL_SETUP, &NAME, "vm-1")
            .unwrap();
        let new = file.to_bytes();
        let replaced = before.map_or(0, |name| name.len());
        assert!(lost(&old, &new) <= replaced, "{name}");
        old = new;
        file.set(Pass::Specialize, SHELL_SETUP, &NAME, "vm-1")
            .unwrap();
        assert_eq!(file.to_bytes(), old, "{name}: the same twice");
        for user in ["Administrator", "vagrant"] {
            password::set(&mut file, user, "p<&>\"' ä").unwrap();
        }
        let bytes = file.to_bytes();
        xmllint(&bytes, None);
        let found =
            "unattend/settings@specialize/component@Microsoft-Windows-Shell-Setup/ComputerName";
        assert_eq!(xmllint(&bytes, Some(found)), "vm-1", "{name}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, place in 0..SMALL.len(), cut in 0..20_usize) {
        let mut damaged = SMALL.as_bytes().to_vec();
        let end = (place + cut).min(damaged.len());
        damaged.splice(place..end, bytes.iter().copied().take(8));
        for bytes in [bytes, damaged] {
            if let Ok(mut file) = AnswerFile::parse(&bytes, &Architecture::ALL) {
                prop_assert_eq!(file.to_bytes(), bytes);
                for pass in Pass::ALL {
                    let _ = file.set(pass, SHELL_SETUP, &NAME, "x");
                }
                let _ = password::set(&mut file, "ann", "x");
                let again = AnswerFile::parse(&file.to_bytes(), &Architecture::ALL);
                prop_assert!(again.is_ok());
            }
        }
    }

    #[test]
    fn any_value_is_what_a_reader_finds(value in "[ -~äöü€😀]{0,40}") {
        let mut file = parsed(SMALL);
        let old = file.to_bytes();
        file.set(Pass::Specialize, SHELL_SETUP, &NAME, &value).unwrap();
        prop_assert!(lost(&old, &file.to_bytes()) <= 1);
        let path = shell(Pass::Specialize, Architecture::Amd64, &NAME);
        prop_assert_eq!(file.value(&path).unwrap(), value.trim());
    }
}
