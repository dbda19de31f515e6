//! Reads the identity of an operating system, os-release(5).
// SPDX-License-Identifier: BSD-2-Clause

use super::root::{FILE_LIMIT, Root};
use crate::error::Result;

/// Where the identity stands; the first file that names one counts.
const FILES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// What a system says of itself. What it does not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OsRelease {
    /// `ID`: the system, in lower case, such as `debian`.
    pub id: String,
    /// `ID_LIKE`: the systems that it is made from, the nearest first.
    pub id_like: Vec<String>,
    /// `VERSION_ID`: the release, such as `12`.
    pub version_id: String,
}

/// Reads the identity of an image; `None` when no file gives one.
///
/// # Errors
/// When a file is there but cannot be read.
pub fn read(root: &Root) -> Result<Option<OsRelease>> {
    for file in FILES {
        let found = root.read(file, FILE_LIMIT)?.map(|content| parse(&content));
        if let Some(found) = found.filter(|found| !found.id.is_empty()) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Reads lines of the form `NAME=value`. As in a shell the last assignment counts; lines of
/// another form are left out.
#[must_use]
pub fn parse(content: &[u8]) -> OsRelease {
    let mut found = OsRelease::default();
    for line in content.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        let Some(at) = line.iter().position(|byte| *byte == b'=') else {
            continue;
        };
        let (name, value) = line.split_at(at);
        let Some(value) = value.get(1..).and_then(unquoted) else {
            continue;
        };
        match name {
            b"ID" => found.id = value.to_ascii_lowercase(),
            b"ID_LIKE" => {
                found.id_like = value
                    .to_ascii_lowercase()
                    .split_ascii_whitespace()
                    .map(Into::into)
                    .collect();
            }
            b"VERSION_ID" => found.version_id = value,
            _ => {}
        }
    }
    found
}

/// Takes the quotes and backslashes of a shell word off; `None` when it is not one word.
fn unquoted(value: &[u8]) -> Option<String> {
    let mut bytes = value.iter().copied();
    let mut word = Vec::with_capacity(value.len());
    let mut quote = None;
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b' ' | b'\t' | b';') => return None,
            (Some(open), _) if byte == open => quote = None,
            (None | Some(b'"'), b'\\') => word.push(bytes.next()?),
            _ => word.push(byte),
        }
    }
    quote
        .is_none()
        .then(|| String::from_utf8_lossy(&word).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_and_comments_are_those_of_a_shell() {
        let found = parse(
            b"# ID=comment\nNAME=\"x\"\nID=\"Rocky\"\nID_LIKE='rhel  fedora'\r\n\
            VERSION_ID=\"9\\\"\\$\"\nBROKEN=\"a\nID_LIKE=a b\nBUG",
        );
        assert_eq!(found.id, "rocky");
        assert_eq!(found.id_like, ["rhel", "fedora"]);
        assert_eq!(found.version_id, "9\"$");
    }

    #[test]
    fn the_last_assignment_counts() {
        assert_eq!(parse(b"ID=a\nID=b\n").id, "b");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn no_value_makes_it_panic(value in r#"[ "'\\a;=]{0,12}"#) {
            let _ = parse(format!("ID={value}\n").as_bytes());
        }
    }
}
