//! Signatures made by minisign.
// SPDX-License-Identifier: BSD-2-Clause

use crate::verification::stage::{Asked, By, Stage};

/// Makes a key pair `NAME.key`, `NAME.pub`.
fn make_key(stage: &Stage, name: &str) {
    stage.run(&format!(
        "minisign -G -W -p {name}.pub -s {name}.key > /dev/null"
    ));
}

fn signature(name: &str) -> Asked<'_> {
    Asked {
        signature: Some(name),
        ..Asked::default()
    }
}

#[test]
fn an_image_is_known_by_its_signature_while_it_comes() {
    let stage = Stage::set();
    for name in ["one", "two"] {
        make_key(&stage, name);
    }
    stage.run("minisign -S -s two.key -m disk.img -x disk.img.minisig > /dev/null; cp *.pub keys");
    for by in [By::File, By::Pipe] {
        let asked = signature("disk.img.minisig");
        let verified = stage.verify("disk.img", by, &asked).unwrap();
        assert_eq!(verified.signed_by.as_deref(), Some("two.pub"));
    }
    stage.run("printf x | dd of=disk.img seek=1000 bs=1 conv=notrunc status=none");
    for by in [By::File, By::Pipe] {
        let asked = signature("disk.img.minisig");
        let reason = stage.verify("disk.img", by, &asked).unwrap_err();
        assert!(
            reason.contains("does not fit what it is said to sign"),
            "{reason}"
        );
    }
}

#[test]
fn a_list_is_believed_by_its_signature() {
    let stage = Stage::set();
    make_key(&stage, "one");
    stage.run("cp one.pub keys; sha256sum disk.img > SHA256SUMS");
    stage.run("minisign -S -s one.key -m SHA256SUMS -x SHA256SUMS.minisig > /dev/null");
    let asked = Asked {
        list: Some("SHA256SUMS"),
        signature: Some("SHA256SUMS.minisig"),
        ..Asked::default()
    };
    stage.verify("disk.img", By::Pipe, &asked).unwrap();
    stage.run("sed -i 's/^./0/' SHA256SUMS; echo >> SHA256SUMS");
    let reason = stage.prepare("disk.img", &asked).unwrap_err();
    assert!(
        reason.contains("SHA256SUMS is not to be trusted"),
        "{reason}"
    );
    assert!(reason.contains("does not fit"), "{reason}");
}

#[test]
fn keys_that_are_not_in_the_directory_do_not_count() {
    let stage = Stage::set();
    make_key(&stage, "other");
    stage.run("minisign -S -s other.key -m disk.img -x disk.img.minisig > /dev/null");
    let asked = signature("disk.img.minisig");
    let reason = stage.prepare("disk.img", &asked).unwrap_err();
    assert!(reason.contains("holds no key of that kind"), "{reason}");
    make_key(&stage, "one");
    stage.run("cp one.pub keys");
    let id = stage.run("head -1 other.pub");
    let id = id.trim().rsplit(' ').next().unwrap();
    let reason = stage.prepare("disk.img", &asked).unwrap_err();
    assert!(
        reason.contains(&format!("by key {id}, which is not in")),
        "{reason}"
    );
}

#[test]
fn what_is_no_signature_that_can_be_checked_is_refused() {
    let stage = Stage::set();
    make_key(&stage, "one");
    stage.run("cp one.pub keys; echo nonsense > nonsense; : > empty");
    stage.run("minisign -S -l -s one.key -m disk.img -x legacy > /dev/null");
    for (name, words) in [
        ("nonsense", "neither one of OpenPGP nor one of minisign"),
        ("empty", "neither one of OpenPGP nor one of minisign"),
        ("legacy", "sign with minisign -H"),
        ("one.pub", "neither one of OpenPGP nor one of minisign"),
        ("disk.img", "is larger than 65536 bytes"),
    ] {
        let reason = stage.prepare("disk.img", &signature(name)).unwrap_err();
        assert!(reason.contains(words), "{reason}");
    }
}
