//! Passwords and keys of users of Windows, by setup and by scripts.
// SPDX-License-Identifier: BSD-2-Clause

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use snf_image_protocol::Parameters;

use super::super::tests::*;
use super::*;
use crate::guest::testing::nothing;

#[test]
fn accounts_that_setup_does_not_make_get_their_password_from_a_script() {
    let image = windows();
    let parameters = Parameters {
        properties: properties(&[("USERS", "Administrator ann")]),
        authorized_keys: vec!["ssh-ed25519 AAAA x".into()],
        ..asked()
    };
    let notices = run_all(&image, &parameters).unwrap();
    assert!(
        notices
            .iter()
            .any(|text| text.contains("no OpenSSH server"))
    );
    assert!(notices.iter().any(|text| text.contains("ann can log in")));
    let script = image.text("/Windows/Setup/Scripts/snf-image/10-accounts.ps1");
    let units = "pass'word\"%^&!".encode_utf16().flat_map(u16::to_le_bytes);
    let encoded = STANDARD.encode(units.collect::<Vec<_>>());
    assert!(script.contains(&encoded) && !script.contains("pass'word"));
    let text = image.text("/Windows/Panther/Unattend.xml");
    assert!(text.contains("<AdministratorPassword>") && !text.contains("LocalAccount>"));
    let keys = image.text("/Windows/Setup/Scripts/snf-image/30-ssh-keys.ps1");
    assert!(keys.contains("administrators_authorized_keys"));
}

#[test]
fn a_user_that_the_image_lacks_is_refused() {
    let image = windows();
    let names = "SAM\\Domains\\Account\\Users\\Names\\Ann";
    if !hive(&image, "/Windows/System32/config/SAM", names, "") {
        return;
    }
    for (user, is_there) in [("ann", true), ("an", false)] {
        let parameters = Parameters {
            properties: properties(&[("USERS", user)]),
            ..asked()
        };
        image.run(with_facts::<0>, &parameters).0.unwrap();
        let (done, _) = image.run(with_facts::<2>, &parameters);
        assert_eq!(done.is_ok(), is_there, "{done:?}");
    }
}

#[test]
fn cloudbase_init_sets_the_name_and_the_answer_file_of_the_image_stays_as_it_is() {
    let image = windows();
    image.file("/Unattend.xml", OWN);
    let (done, notices) = image.run(with_cloudbase_init::<1>, &asked());
    assert!(matches!(done.unwrap(), Done::Skipped(reason) if reason.contains("Cloudbase-Init")));
    assert!(notices.iter().any(|text| text.contains("takes no domain")));
    let (done, _) = image.run(with_cloudbase_init::<2>, &asked());
    assert_eq!(done.unwrap(), Done::Yes);
    assert_eq!(image.text("/Unattend.xml"), OWN);
    let script = image.text("/Windows/Setup/Scripts/snf-image-last/10-accounts.ps1");
    assert!(script.contains("{ Give $_.Name }") && !script.contains("pass'word"));
    assert!(image.path("/LocalScripts/00-snf-image.ps1").exists());
    assert!(!image.path("/Windows/Setup/Scripts/snf-image").exists());
}

#[test]
fn the_user_that_cloudbase_init_makes_can_be_given_the_password() {
    let image = windows();
    let names = "SAM\\Domains\\Account\\Users\\Names\\Ann";
    if !hive(&image, "/Windows/System32/config/SAM", names, "") {
        return;
    }
    for (users, is_there) in [("ann admin", true), ("bob", false)] {
        let parameters = Parameters {
            properties: properties(&[("USERS", users)]),
            ..asked()
        };
        let (done, _) = image.run(with_cloudbase_init::<2>, &parameters);
        assert_eq!(done.is_ok(), is_there, "{done:?}");
    }
}

#[test]
fn a_user_of_linux_is_not_made() {
    let asked = |pairs| Parameters {
        properties: properties(pairs),
        ..nothing()
    };
    let image = windows();
    let refused = image.run(run_one::<6>, &asked(&[("CREATE_USER", "admin")]));
    assert!(refused.0.unwrap_err().to_string().contains("LocalAccounts"));
    let done = image.run(run_one::<6>, &asked(&[])).0.unwrap();
    assert!(matches!(done, Done::Skipped(_)));
}
