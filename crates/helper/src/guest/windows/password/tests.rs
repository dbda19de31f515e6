//! Decodes what Windows Setup would read.
// SPDX-License-Identifier: BSD-2-Clause

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::guest::windows::answer_file::Architecture;

const SHELL: [Step<'_>; 2] = [
    Step::Settings(Pass::OobeSystem),
    Step::Component(SHELL_SETUP, Architecture::Amd64),
];

const FILE: &str = r#"<unattend xmlns="urn:schemas-microsoft-com:unattend"
    xmlns:wcm="http://schemas.microsoft.com/WMIConfig/2002/State">
  <settings pass="oobeSystem">
    <component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64">
      <UserAccounts>
        <LocalAccounts>
          <LocalAccount wcm:action="add">
            <Password><Value>old</Value><PlainText>true</PlainText></Password>
            <Group>Administrators</Group>
            <Name>Bob</Name>
          </LocalAccount>
        </LocalAccounts>
      </UserAccounts>
      <AutoLogon>
        <Username>bob</Username>
        <Password><Value>old</Value><PlainText>true</PlainText></Password>
      </AutoLogon>
    </component>
  </settings>
</unattend>"#;

fn file() -> AnswerFile {
    AnswerFile::parse(FILE.as_bytes(), &[Architecture::Amd64]).unwrap()
}

/// What Windows Setup reads: the element's name stands behind the password.
fn decoded(file: &AnswerFile, path: &[Step<'_>], element: &str) -> String {
    let value = |name| {
        let mut whole = SHELL.to_vec();
        whole.extend_from_slice(path);
        whole.push(Step::Element(name));
        file.value(&whole).unwrap()
    };
    assert_eq!(value("PlainText"), "false");
    let bytes = STANDARD.decode(value("Value")).unwrap();
    let units = bytes
        .chunks(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let both: String = char::decode_utf16(units).map(Result::unwrap).collect();
    both.strip_suffix(element).unwrap().to_owned()
}

fn administrator(password: &str) -> String {
    let mut file = file();
    set(&mut file, "administrator", password).unwrap();
    let path = [ACCOUNTS, Step::Element("AdministratorPassword")];
    decoded(&file, &path, "AdministratorPassword")
}

#[test]
fn the_form_is_that_of_microsofts_reference() {
    assert_eq!(
        encoded("pw", "AdministratorPassword").as_str(),
        "cAB3AEEAZABtAGkAbgBpAHMAdAByAGEAdABvAHIAUABhAHMAcwB3AG8AcgBkAA=="
    );
}

#[test]
fn every_character_arrives() {
    let ascii: String = (' '..='~').collect();
    for password in [
        &ascii,
        "",
        "\"'`‘’‚‛“”„",
        "%PATH%^&|<>!$(x)`n",
        "]]>&lt;&#0;<!--",
        "pässwörd€😀",
        " leading and trailing ",
    ] {
        assert_eq!(administrator(password), password);
    }
}

#[test]
fn an_account_of_the_file_gets_it_and_so_does_its_automatic_log_on() {
    let mut file = file();
    assert_eq!(local_accounts(&file), ["Bob"]);
    assert!(is_of_setup(&file, "BOB") && !is_of_setup(&file, "ann"));
    set(&mut file, "bob", "n€w").unwrap();
    let account = [
        ACCOUNTS,
        Step::Element("LocalAccounts"),
        Step::Item("LocalAccount", "Name", "bob"),
        Step::Element("Password"),
    ];
    assert_eq!(decoded(&file, &account, "Password"), "n€w");
    let log_on = [AUTO_LOGON, Step::Element("Password")];
    assert_eq!(decoded(&file, &log_on, "Password"), "n€w");
    let text = String::from_utf8(file.to_bytes()).unwrap();
    assert!(!text.contains("old") && text.matches("<LocalAccount ").count() == 1);
}

proptest! {
    #[test]
    fn any_password_arrives(password in "\\PC{0,127}") {
        prop_assert_eq!(administrator(&password), password);
    }
}

#[test]
fn a_complex_password_is_long_and_of_three_classes() {
    for complex in ["Hunter", "hunter2!", "HUNTER2 ", "Größe1", "漢字漢字a1"] {
        assert_eq!(is_complex(complex), complex != "Hunter", "{complex}");
    }
    for simple in ["", "Hu1!x", "hunter2", "HUNTER22", "größer2"] {
        assert!(!is_complex(simple), "{simple}");
    }
}
