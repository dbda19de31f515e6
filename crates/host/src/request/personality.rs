//! Files given as the JSON list that Ganeti and OpenStack call a personality.
// SPDX-License-Identifier: BSD-2-Clause

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use snf_image_protocol::{Account, FileMode, GuestPath, GuestPathError, PersonalityError};

use super::{File, MAX_PERSONALITY};
use crate::small_file::{ReadError, read_bounded};

/// The most files of one personality.
const MAX_FILES: usize = 1000;

/// Why a personality cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PersonalityFileError {
    /// The file cannot be read.
    #[error("the personality cannot be used: {0}")]
    Read(#[from] ReadError),
    /// Not JSON, or not of the documented form; the position is in the text.
    #[error("the personality {path} is not valid: {source}")]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// One entry means nothing.
    #[error("the personality is not valid: entry {number} ({path}): {reason}")]
    Entry {
        /// From 1.
        number: usize,
        /// Its path as given, shortened.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// Too many or too much.
    #[error("the personality holds more than 1000 files or 32 MiB in all")]
    TooMuch,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    contents: String,
    owner: Option<Account>,
    group: Option<Account>,
    mode: Option<Mode>,
}

/// A JSON number holds the bits, so 0640 is 416; a JSON string holds octal digits.
#[derive(Deserialize)]
#[serde(untagged)]
enum Mode {
    Bits(u32),
    Octal(String),
}

/// Reads a personality from a file.
///
/// # Errors
/// See [`PersonalityFileError`].
pub fn read_personality(path: &Path) -> Result<Vec<File>, PersonalityFileError> {
    // Base64 takes four characters for three bytes.
    let (bytes, _) = read_bounded(path, MAX_PERSONALITY * 4 / 3 + MAX_FILES * 8192)?;
    parse_personality(&bytes, path)
}

/// Reads a personality: a JSON list of objects with `path`, `contents` (base64) and, when
/// wanted, `owner`, `group` (name or number) and `mode`. `path` is only for messages.
///
/// # Errors
/// See [`PersonalityFileError`].
pub fn parse_personality(json: &[u8], path: &Path) -> Result<Vec<File>, PersonalityFileError> {
    let entries: Vec<Entry> =
        serde_json::from_slice(json).map_err(|source| PersonalityFileError::Json {
            path: path.into(),
            source,
        })?;
    if entries.len() > MAX_FILES {
        return Err(PersonalityFileError::TooMuch);
    }
    let files = entries
        .into_iter()
        .zip(1..)
        .map(|(entry, number)| {
            let path = entry.path.chars().take(200).collect();
            file(entry).map_err(|fault| PersonalityFileError::Entry {
                number,
                path,
                reason: fault.to_string(),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let total: usize = files.iter().map(|file| file.content.len()).sum();
    if total > MAX_PERSONALITY {
        return Err(PersonalityFileError::TooMuch);
    }
    Ok(files)
}

#[derive(Debug, thiserror::Error)]
enum EntryError {
    #[error(transparent)]
    Path(#[from] GuestPathError),
    #[error("contents is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error(transparent)]
    Attribute(#[from] PersonalityError),
}

fn file(entry: Entry) -> Result<File, EntryError> {
    let account = |given: Option<Account>| match given {
        None => Ok(Account::Id(0)),
        Some(Account::Name(name)) => Account::parse(&name),
        Some(id) => Ok(id),
    };
    Ok(File {
        path: GuestPath::new(&entry.path)?,
        owner: account(entry.owner)?,
        group: account(entry.group)?,
        mode: match entry.mode {
            None => FileMode::DEFAULT,
            Some(Mode::Bits(bits)) => FileMode::try_from(bits)?,
            Some(Mode::Octal(digits)) => FileMode::parse_octal(&digits)?,
        },
        content: STANDARD.decode(entry.contents.replace(['\n', '\r', ' '], ""))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Vec<File>, PersonalityFileError> {
        parse_personality(json.as_bytes(), Path::new("p.json"))
    }

    #[test]
    fn entries_have_the_documented_form_and_defaults() {
        let files = parse(
            r#"[{"path": "/a", "contents": "aGVsbG8="},
                {"path": "/b", "contents": "", "owner": "www-data", "group": 33, "mode": 416},
                {"path": "/c", "contents": "eA==", "mode": "0755"}]"#,
        )
        .unwrap();
        assert_eq!(files[0].content, b"hello");
        assert_eq!(files[0].mode.bits(), 0o440);
        assert_eq!(files[0].owner, Account::Id(0));
        assert_eq!(files[1].owner, Account::Name("www-data".into()));
        assert_eq!(files[1].mode.bits(), 0o640);
        assert_eq!(files[2].mode.bits(), 0o755);
    }

    #[test]
    fn bad_json_is_refused_with_its_position() {
        let fault = parse("[{\"path\": \"/a\",\n \"contents\": }]")
            .unwrap_err()
            .to_string();
        assert!(fault.contains("line 2 column"), "{fault}");
        assert!(parse("{}").is_err());
        assert!(parse(&"[".repeat(10_000)).is_err());
    }

    #[test]
    fn a_bad_entry_is_named() {
        for (json, expected) in [
            (r#"[{"path": "a", "contents": ""}]"#, "entry 1 (a)"),
            (
                r#"[{"path": "/a/../b", "contents": ""}]"#,
                "entry 1 (/a/../b)",
            ),
            (r#"[{"path": "/a", "contents": "?"}]"#, "base64"),
            (r#"[{"path": "/a", "contents": "", "mode": 4096}]"#, "mode"),
            (
                r#"[{"path": "/a", "contents": "", "owner": "a:b"}]"#,
                "account",
            ),
            (r#"[{"path": "/a", "content": ""}]"#, "unknown field"),
            (r#"[{"path": "/a"}]"#, "missing field"),
        ] {
            let fault = parse(json).unwrap_err().to_string();
            assert!(fault.contains(expected), "{json}: {fault}");
        }
    }
}
