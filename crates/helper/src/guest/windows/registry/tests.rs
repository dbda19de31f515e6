//! Hives that others made, changed here, and read by hivex and reged.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::guest::testing::samples;

/// A hive as a file of its own, unpacked.
fn copy(path: &Path) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let bytes = if path.extension().is_some_and(|end| end == "xz") {
        let arguments = ["--decompress", "--stdout"];
        Command::new("xz")
            .args(arguments)
            .arg(path)
            .output()
            .unwrap()
            .stdout
    } else {
        std::fs::read(path).unwrap()
    };
    std::fs::write(file.path(), bytes).unwrap();
    file
}

fn open(path: &Path, purpose: Purpose) -> Result<Hive> {
    let file = File::options().read(true).write(true).open(path).unwrap();
    Hive::new(file, "/hive", purpose)
}

/// The root of a hive.
const TOP: &str = "\\";

/// What hivexregedit(1) exports of a key and those in it: each key with its lines.
fn exported(path: &Path, top: &str) -> BTreeMap<String, Vec<String>> {
    let output = Command::new("hivexregedit")
        .args(["--export", "--unsafe-printable-strings"])
        .arg(path)
        .arg(top)
        .env("PERL_UNICODE", "SO")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut key = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if line.starts_with('[') {
            key = line.trim_matches(['[', ']']).to_owned();
            keys.entry(key.clone()).or_default();
        } else if !key.is_empty() {
            keys.entry(key.clone()).or_default().push(line.to_owned());
        }
    }
    keys
}

/// The keys that are not the same in both.
fn changed(
    before: &BTreeMap<String, Vec<String>>,
    after: &BTreeMap<String, Vec<String>>,
) -> Vec<String> {
    let names = before.keys().chain(after.keys());
    let mut names: Vec<_> = names
        .filter(|name| before.get(*name) != after.get(*name))
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Hives of real machines and of other projects' tests.
fn hives() -> Vec<PathBuf> {
    let names = [
        "hivex/minimal",
        "hivex/special",
        "nt-hive/testhive",
        "regipy/BCD.xz",
        "regipy/NTUSER.DAT.xz",
        "regipy/SAM.xz",
    ];
    let folder = samples("hives");
    let paths = folder
        .iter()
        .flat_map(|folder| names.map(|name| folder.join(name)));
    paths.collect()
}

#[test]
fn only_what_is_set_changes_and_others_read_it() {
    for path in hives() {
        let file = copy(&path);
        let before = exported(file.path(), TOP);
        // Some were taken from machines that ran.
        let mut hive = match open(file.path(), Purpose::Set) {
            Ok(hive) => hive,
            Err(error) => {
                assert!(error.to_string().contains("was being written"), "{error}");
                finished(file.path());
                open(file.path(), Purpose::Set).unwrap()
            }
        };
        let long = "x".repeat(3000);
        let key = r"Snf Image\Neu";
        for _ in 0..2 {
            for (key, name, value) in [
                (key, "number", Value::dword(7)),
                (r"snf image\NEU", "Text", Value::text("größer")),
                (key, "Text", Value::text(&long)),
                (key, "several", Value::texts(&["a", "b c"])),
                (r"Snf Image\aus\tief", "", Value::binary(&[1, 2])),
                (r"Snf Image\Öl", "wide ä", Value::expandable("%a%")),
            ] {
                hive.set(key, name, &value).unwrap();
                assert_eq!(hive.value(key, name).unwrap().unwrap(), value);
            }
        }
        hive.finish().unwrap();

        let after = exported(file.path(), TOP);
        let made = ["", r"\Neu", r"\aus", r"\aus\tief", r"\Öl"];
        let made = made.map(|name| format!(r"\Snf Image{name}"));
        assert_eq!(changed(&before, &after), made, "{}", path.display());
        let new = after.get(r"\Snf Image\Neu").unwrap();
        assert_eq!(new.len(), 3, "{new:?}");
        assert!(new.iter().any(|line| line == "\"number\"=dword:00000007"));
        assert!(
            after
                .get(r"\Snf Image\Öl")
                .unwrap()
                .join("")
                .contains("wide ä")
        );
        let said = reged(file.path());
        assert!(
            said.contains("\"number\"=dword:00000007"),
            "{}",
            path.display()
        );
    }
}

/// What reged(8) exports of our keys.
fn reged(hive: &Path) -> String {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    let output = Command::new("reged")
        .arg("-x")
        .arg(hive)
        .args(["\\", r"\Snf Image"])
        .arg(&out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read(out).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// Makes both sequence numbers the same, as if Windows had finished.
fn finished(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes.copy_within(SEQUENCE_1..SEQUENCE_1 + 4, SEQUENCE_2);
    sum_up(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

/// Makes the checksum right.
fn sum_up(bytes: &mut [u8]) {
    let base: [u8; 512] = bytes[..512].try_into().unwrap();
    bytes[CHECKSUM..CHECKSUM + 4].copy_from_slice(&checksum(&base).to_le_bytes());
}

#[test]
fn a_key_with_very_many_keys_gets_one_more_in_its_place() {
    let Some(folder) = samples("hives") else {
        return;
    };
    let file = copy(&folder.join("regipy/SYSTEM.xz"));
    finished(file.path());
    // Found as Services too.
    let services = r"\ControlSet001\services";
    let before = exported(file.path(), services);
    let mut hive = open(file.path(), Purpose::Set).unwrap();
    for name in ["aaaa", "viostor", "zzzz"] {
        let key = format!(r"ControlSet001\SERVICES\{name}");
        hive.set(&key, "Start", &Value::dword(0)).unwrap();
    }
    hive.finish().unwrap();
    let after = exported(file.path(), services);
    let made = ["aaaa", "viostor", "zzzz"].map(|name| format!(r"{services}\{name}"));
    assert_eq!(changed(&before, &after), made);
    // In the order in which Windows looks for them.
    let is_child = |key: &&String| {
        let rest = key.strip_prefix(&format!(r"{services}\"));
        rest.is_some_and(|rest| !rest.contains('\\'))
    };
    let hive = open(file.path(), Purpose::Read).unwrap();
    for key in after.keys().filter(is_child) {
        assert!(hive.has_key(key).unwrap(), "{key}");
    }
}

#[test]
fn a_value_that_is_removed_leaves_the_others_and_its_key() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), snf_image_testkit::hive::empty()).unwrap();
    let mut hive = open(file.path(), Purpose::Set).unwrap();
    for name in ["a", "b", "c"] {
        hive.set("Key", name, &Value::text("longer than a number"))
            .unwrap();
    }
    let lines = |removed: &[&str]| {
        let mut hive = open(file.path(), Purpose::Set).unwrap();
        for name in removed {
            assert!(hive.remove("key", name).unwrap());
            assert!(!hive.remove("key", name).unwrap());
        }
        hive.finish().unwrap();
        exported(file.path(), TOP)[r"\Key"].clone()
    };
    hive.finish().unwrap();
    assert_eq!(lines(&["B"]).len(), 2);
    assert!(lines(&["a", "c"]).is_empty());
    assert!(
        !open(file.path(), Purpose::Set)
            .unwrap()
            .remove("No", "a")
            .unwrap()
    );
    let mut hive = open(file.path(), Purpose::Set).unwrap();
    hive.set("Key", "d", &Value::dword(4)).unwrap();
    hive.finish().unwrap();
    assert_eq!(lines(&[]), ["\"d\"=dword:00000004"]);
}

#[test]
fn what_is_no_hive_or_half_of_one_is_refused_by_its_name() {
    for (bytes, words) in [
        (vec![], "no registry hive"),
        (vec![0; 8192], "no registry hive"),
        (b"regf".repeat(2048), "no registry hive"),
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let error = open(file.path(), Purpose::Read).unwrap_err().to_string();
        assert!(
            error.contains("/hive of the image") && error.contains(words),
            "{error}"
        );
    }
    let Some(folder) = samples("hives") else {
        return;
    };
    let whole = std::fs::read(copy(&folder.join("hivex/special")).path()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &whole[..5000]).unwrap();
    let error = open(file.path(), Purpose::Read).unwrap_err().to_string();
    assert!(error.contains("shorter than it says"), "{error}");
}

#[test]
fn lists_that_lead_in_circles_are_refused() {
    let Some(folder) = samples("hives") else {
        return;
    };
    let file = copy(&folder.join("hivex/special"));
    let mut hive = open(file.path(), Purpose::Set).unwrap();
    hive.begin().unwrap();
    let index = hive.add(&[b'r', b'i', 1, 0, 0, 0, 0, 0]).unwrap();
    hive.write(index, 4, &index.to_le_bytes()).unwrap();
    let root = hive.root;
    hive.write(root, 28, &index.to_le_bytes()).unwrap();
    let error = hive.value("a", "b").unwrap_err().to_string();
    assert!(error.contains("a list of keys is none"), "{error}");
    // The root as its own child: a path ends, whatever it leads through.
    let list = hive.new_list(root, "x").unwrap();
    hive.write(root, 28, &list.to_le_bytes()).unwrap();
    assert!(hive.value(&r"x\".repeat(100_000), "b").is_ok());
}

#[test]
fn lists_that_name_the_same_keys_again_and_again_are_given_up() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), snf_image_testkit::hive::empty()).unwrap();
    let mut hive = open(file.path(), Purpose::Set).unwrap();
    hive.begin().unwrap();
    let many = u16::MAX.to_le_bytes();
    let root = hive.root;
    let entry = [root.to_le_bytes(), [0; 4]].concat();
    let leaf = [b"lf".to_vec(), many.into(), entry.repeat(u16::MAX.into())].concat();
    let leaf = hive.add(&leaf).unwrap();
    let leaves = leaf.to_le_bytes().repeat(u16::MAX.into());
    let index = [b"ri".to_vec(), many.into(), leaves].concat();
    let index = hive.add(&index).unwrap();
    hive.write(root, 20, &1_u32.to_le_bytes()).unwrap();
    hive.write(root, 28, &index.to_le_bytes()).unwrap();
    let error = hive.value("a", "b").unwrap_err().to_string();
    assert!(error.contains("longer than any"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Damage anywhere in a hive is an error or nothing, never a panic, and never without end.
    #[test]
    fn no_damage_makes_it_panic(damage in prop::collection::vec((0_usize..1 << 14, any::<u8>()), 1..40)) {
        let Some(folder) = samples("hives") else { return Ok(()) };
        let file = copy(&folder.join("nt-hive/testhive"));
        let mut bytes = std::fs::read(file.path()).unwrap();
        for (at, byte) in damage {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if bytes.len() > 512 {
            sum_up(&mut bytes);
        }
        std::fs::write(file.path(), bytes).unwrap();
        if let Ok(mut hive) = open(file.path(), Purpose::Set) {
            let _ = hive.value(r"big-data-test", "A");
            let _ = hive.set(r"data-test", "reg-sz", &Value::text("x"));
            let _ = hive.set(r"subkey-test\key5\new", "y", &Value::dword(1));
            let _ = hive.remove(r"data-test", "reg-sz");
            let _ = hive.finish();
        }
    }
}
