//! Signatures made by GnuPG.
// SPDX-License-Identifier: BSD-2-Clause

use crate::verification::stage::{Asked, By, Stage};

/// A stage on which GnuPG has keys; its agent ends with it.
struct Keyring(Stage);

impl Keyring {
    fn set() -> Self {
        let stage = Stage::set();
        stage.run("mkdir -m 700 gnupg");
        Keyring(stage)
    }

    /// Makes a key of this name, and with it what `script` says, `$gpg` being the command.
    fn sign(&self, name: &str, script: &str) {
        let gpg = format!("gpg --batch --quiet --yes --local-user {name}@example.org");
        let make = "--passphrase '' --quick-generate-key";
        self.0.run(&format!(
            "gpg --batch --quiet {make} '{name} <{name}@example.org>' ed25519 sign never; gpg='{gpg}'; {script}"
        ));
    }

    fn export(&self, name: &str, options: &str, file: &str) {
        self.0.run(&format!(
            "gpg --batch {options} --export {name}@example.org > {file}"
        ));
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        self.0.run("gpgconf --kill gpg-agent || true");
    }
}

fn signature(name: &str) -> Asked<'_> {
    Asked {
        signature: Some(name),
        ..Asked::default()
    }
}

fn signed_list<'a>(list: &'a str, signature: &'a str) -> Asked<'a> {
    Asked {
        list: Some(list),
        signature: Some(signature),
        ..Asked::default()
    }
}

#[test]
fn an_image_is_known_by_its_signature_while_it_comes() {
    let keyring = Keyring::set();
    keyring.sign(
        "first",
        "$gpg --armor --output disk.asc --detach-sign disk.img",
    );
    keyring.sign("second", "$gpg --output disk.sig --detach-sign disk.img");
    keyring.export("first", "", "keys/first.gpg");
    keyring.export("second", "--armor", "keys/second.asc");
    let stage = &keyring.0;
    for by in [By::File, By::Pipe] {
        for (name, signer) in [("disk.asc", "first"), ("disk.sig", "second")] {
            let verified = stage.verify("disk.img", by, &signature(name)).unwrap();
            let found = verified.signed_by.unwrap();
            assert!(
                found.contains(&format!("({signer} <{signer}@example.org>)")),
                "{found}"
            );
        }
    }
    stage.run("printf x >> disk.img");
    for by in [By::File, By::Pipe] {
        let reason = stage
            .verify("disk.img", by, &signature("disk.sig"))
            .unwrap_err();
        assert!(
            reason.contains("does not fit what it is said to sign"),
            "{reason}"
        );
    }
}

#[test]
fn a_list_is_believed_by_its_signature() {
    let keyring = Keyring::set();
    let stage = &keyring.0;
    stage.run("sha256sum disk.img > SHA256SUMS; sha256sum --tag disk.img > plain");
    let script = "$gpg --output SHA256SUMS.gpg --detach-sign SHA256SUMS
         $gpg --output CHECKSUM --clear-sign plain";
    keyring.sign("first", script);
    keyring.export("first", "--armor", "keys/first.asc");
    stage
        .verify(
            "disk.img",
            By::Pipe,
            &signed_list("SHA256SUMS", "SHA256SUMS.gpg"),
        )
        .unwrap();
    stage
        .verify("disk.img", By::Pipe, &signed_list("CHECKSUM", "CHECKSUM"))
        .unwrap();

    stage.run("sed -i 's/^./0/; $a\\\\' SHA256SUMS; sed 's/= ./= 0/' CHECKSUM > forged");
    stage.run("(sed 's/= ./= 0/' plain; cat CHECKSUM) > around");
    for (asked, words) in [
        (signed_list("SHA256SUMS", "SHA256SUMS.gpg"), "does not fit"),
        (signed_list("forged", "forged"), "does not fit"),
        (
            signed_list("SHA256SUMS", "CHECKSUM"),
            "give it as both list and signature",
        ),
        (signed_list("plain", "plain"), "is not clear-signed"),
    ] {
        let reason = stage.prepare("disk.img", &asked).unwrap_err();
        assert!(reason.contains(words), "{reason}");
    }
    // What stands around the signed part is nobody's word.
    stage
        .verify("disk.img", By::File, &signed_list("around", "around"))
        .unwrap();
}

#[test]
fn keys_that_are_not_there_or_no_longer_good_do_not_count() {
    let keyring = Keyring::set();
    let stage = &keyring.0;
    keyring.sign("other", "$gpg --output disk.sig --detach-sign disk.img");
    let reason = stage
        .prepare("disk.img", &signature("disk.sig"))
        .unwrap_err();
    assert!(reason.contains("holds no key of that kind"), "{reason}");

    keyring.sign("first", "true");
    keyring.export("first", "", "keys/first.gpg");
    let reason = stage
        .verify("disk.img", By::Pipe, &signature("disk.sig"))
        .unwrap_err();
    assert!(reason.contains("which is not in"), "{reason}");

    // A key of the year 2020 that was good for a year, and a signature of that time.
    let then = "--batch --quiet --faked-system-time 20200101T000000";
    stage.run(&format!(
        "gpg {then} --passphrase '' --quick-generate-key old@example.org ed25519 sign 1y
         gpg {then} --local-user old@example.org --output old.sig --detach-sign disk.img
         gpg --batch --export old@example.org > keys/old.gpg"
    ));
    let reason = stage
        .verify("disk.img", By::File, &signature("old.sig"))
        .unwrap_err();
    assert!(reason.contains("which has expired"), "{reason}");
}

#[test]
fn a_signed_message_is_no_signature_of_something_else() {
    let keyring = Keyring::set();
    let stage = &keyring.0;
    stage.run("echo harmless > harmless");
    let script = "$gpg --armor --output message --sign harmless
         $gpg --output packets --sign harmless
         $gpg --output weak --digest-algo SHA1 --detach-sign disk.img";
    keyring.sign("first", script);
    keyring.export("first", "", "keys/first.gpg");
    for (name, words) in [
        ("message", "no detached signature"),
        ("packets", "neither one of OpenPGP"),
        ("weak", "is not to be trusted"),
    ] {
        let reason = stage
            .verify("disk.img", By::Pipe, &signature(name))
            .unwrap_err();
        assert!(reason.contains(words), "{reason}");
    }
}
