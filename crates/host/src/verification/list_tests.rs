//! Lists as their publishers' tools write them, and lists that nobody should believe.
// SPDX-License-Identifier: BSD-2-Clause

use std::process::Command;

use proptest::prelude::*;

use super::*;

fn sha256(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn find(list: &str, name: &str) -> Result<String, String> {
    let list = DigestList::parse(list.as_bytes()).map_err(|error| error.to_string())?;
    let found = list.find(name).map_err(|error| error.to_string())?;
    Ok(found.to_string())
}

#[test]
fn the_lines_of_every_publisher_are_understood() {
    let (a, b) = (sha256('a'), sha256('b'));
    let long = "c".repeat(128);
    for (list, expected) in [
        (
            format!("{b}  other.img\n{a}  disk.img\n"),
            format!("sha256:{a}"),
        ),
        (format!("{a} *disk.img\r\n"), format!("sha256:{a}")),
        (format!("{a} disk.img"), format!("sha256:{a}")),
        (format!("{a}  ./images/disk.img\n"), format!("sha256:{a}")),
        (format!("SHA256 (disk.img) = {a}\n"), format!("sha256:{a}")),
        (
            format!("# disk.img: 7 bytes\nSHA512 (disk.img) = {long}\n"),
            format!("sha512:{long}"),
        ),
        (
            format!("SHA256 (disk.img) = {a}\nSHA512 (disk.img) = {long}\n"),
            format!("sha512:{long}"),
        ),
        (format!("{a}\n"), format!("sha256:{a}")),
        (format!("{a}  -\n"), format!("sha256:{a}")),
        (
            format!("{}  disk.img\n", "d".repeat(32)),
            format!("md5:{}", "d".repeat(32)),
        ),
        (
            format!("{a}  disk.img\n{a}  old/disk.img\n"),
            format!("sha256:{a}"),
        ),
        (
            format!("{a}  disk.img\n{b}  old/disk.img\n"),
            format!("sha256:{a}"),
        ),
        (
            format!(
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n- -- x\nSHA256 (disk.img) = {a}\n\
                 -----BEGIN PGP SIGNATURE-----\n\nabcd\n-----END PGP SIGNATURE-----\n{b}  disk.img\n"
            ),
            format!("sha256:{a}"),
        ),
    ] {
        assert_eq!(find(&list, "disk.img"), Ok(expected), "{list}");
    }
}

#[test]
fn what_cannot_be_told_is_refused_with_what_there_is() {
    let (a, b) = (sha256('a'), sha256('b'));
    let many: String = (0..9)
        .map(|number| format!("{a}  {number}.img\n"))
        .collect();
    for (list, words) in [
        (String::new(), "no digest: lines look like"),
        (
            "<html><body>Not found</body></html>".into(),
            "no digest: lines look like",
        ),
        (
            format!("{a}  disk.img.xz\n"),
            "no digest of \"disk.img\", only of \"disk.img.xz\"",
        ),
        (many, "\"4.img\", 4 more"),
        (format!("{a}\n{b}\n"), "files without a name"),
        (
            format!("{a}  new/disk.img\n{b}  old/disk.img\n"),
            "several digests of \"disk.img\": \"new/disk.img\", \"old/disk.img\"",
        ),
        (
            format!("SHA256 (disk.img) = {a}\nSHA256 (disk.img) = {b}\n"),
            "several digests",
        ),
        (
            format!("{}  disk.img\n", sha256('a').split_off(1)),
            "no digest: lines look like",
        ),
    ] {
        let fault = find(&list, "disk.img").unwrap_err();
        assert!(fault.contains(words), "{list}: {fault}");
        assert!(!fault.contains('\n'), "{fault}");
    }
}

#[test]
fn lists_of_coreutils_are_read_whatever_the_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "disk.img", "a b.img", "a\\b.img", "a\nb.img", "a) = b", "*star", "ä.img",
    ] {
        std::fs::write(folder.path().join(name), name).unwrap();
        let mut found = Vec::new();
        for arguments in [&["--"][..], &["--binary", "--"], &["--tag", "--"]] {
            let output = Command::new("sha512sum")
                .args(arguments)
                .arg(name)
                .current_dir(folder.path())
                .output()
                .unwrap();
            let list = DigestList::parse(&output.stdout).unwrap();
            found.push(list.find(name).unwrap());
        }
        assert!(found.iter().all(|digest| digest == &found[0]), "{name}");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_more_than_a_list_that_says_nothing(
        bytes in prop::collection::vec(any::<u8>(), 0..400)
    ) {
        if let Ok(list) = DigestList::parse(&bytes) {
            let _ = list.find("disk.img");
        }
    }

    #[test]
    fn only_a_digest_that_stands_beside_the_name_is_found(
        lines in prop::collection::vec((0_u8..4, "[0-9a-f]{64}"), 1..8),
        wanted in 0_u8..4,
    ) {
        let text: String =
            lines.iter().map(|(name, hex)| format!("{hex}  {name}.img\n")).collect();
        let mut digests: Vec<_> =
            lines.iter().filter(|(name, _)| *name == wanted).map(|(_, hex)| hex).collect();
        digests.sort();
        digests.dedup();
        let found = find(&text, &format!("{wanted}.img"));
        match digests.as_slice() {
            [only] => prop_assert_eq!(found, Ok(format!("sha256:{only}"))),
            _ => prop_assert!(found.is_err()),
        }
    }
}
