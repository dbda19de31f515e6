//! Registry hives: an empty one from nothing, the rest by hivex, read back by hivex.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::bytes::{Block, number, place};
use crate::tool::Tool;

/// The lines of an export, by key; keys begin with a backslash.
pub type Export = BTreeMap<String, Vec<String>>;

/// Makes a hive of what a text in the format of regedit says, without its first line; keys are
/// named from the root of the hive: `[\Select]`.
///
/// # Errors
/// When hivexregedit(1) takes it not.
pub fn make(path: &Path, text: &str) -> Result<()> {
    fs::write(path, empty())?;
    merge(path, text)
}

/// Puts what such a text says into a hive.
///
/// # Errors
/// When hivexregedit(1) takes it not.
pub fn merge(path: &Path, text: &str) -> Result<()> {
    let script = path.with_extension("reg");
    fs::write(
        &script,
        format!("Windows Registry Editor Version 5.00\n\n{text}"),
    )?;
    Tool::new("hivexregedit")
        .args(["--merge", "--encoding", "UTF-16LE"])
        .args([path, &script])
        .run()?;
    Ok(fs::remove_file(script)?)
}

/// Everything in a hive, as hivexregedit(1) exports it.
///
/// # Errors
/// When it cannot read it.
pub fn export(path: &Path) -> Result<Export> {
    let text = Tool::new("hivexregedit")
        .args(["--export", "--unsafe-printable-strings"])
        .arg(path)
        .arg("\\")
        .run()?;
    let mut keys = Export::new();
    let mut key = None;
    for line in text.lines().filter(|line| !line.is_empty()) {
        if line.starts_with('[') {
            let name = line.trim_matches(['[', ']']).to_owned();
            keys.entry(name.clone()).or_default();
            key = Some(name);
        } else if let Some(key) = &key {
            keys.entry(key.clone()).or_default().push(line.to_owned());
        }
    }
    Ok(keys)
}

/// The lines of which one export has not the other's, by key: with `-` those that are gone, with
/// `+` those that are new.
#[must_use]
pub fn difference(before: &Export, after: &Export) -> Vec<String> {
    let none = Vec::new();
    let mut keys: Vec<_> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let mut lines = Vec::new();
    for key in keys {
        let (old, new) = (
            before.get(key).unwrap_or(&none),
            after.get(key).unwrap_or(&none),
        );
        let gone = old.iter().filter(|line| !new.contains(line));
        lines.extend(gone.map(|line| format!("- {key} {line}")));
        let came = new.iter().filter(|line| !old.contains(line));
        lines.extend(came.map(|line| format!("+ {key} {line}")));
    }
    lines
}

/// A hive with nothing but its root. hivex makes none from nothing.
#[must_use]
pub fn empty() -> Vec<u8> {
    let mut base = Block::of(4096);
    base.bytes(0, b"regf");
    base.words(4, &[1, 1]);
    base.words(20, &[1, 5, 0, 1, 32, 4096, 1]);
    let base = summed(base);

    let mut bin = Block::of(4096);
    bin.bytes(0, b"hbin");
    bin.words(8, &[4096]);
    // The root: a cell of 88 bytes, named `ROOT`, with the flags of a root.
    bin.words(32, &[88_u32.wrapping_neg()]);
    bin.bytes(36, b"nk");
    bin.bytes(38, &[0x2c, 0]);
    // No lists of keys and values; the cell that protects it is the next one.
    bin.words(64, &[u32::MAX, u32::MAX, 0, u32::MAX, 120, u32::MAX]);
    bin.bytes(108, &[4, 0]);
    bin.bytes(112, b"ROOT");
    // What protects it: a cell that points at itself twice, then a security descriptor that keeps
    // nobody out; owner and group are Administrators.
    bin.words(120, &[88_u32.wrapping_neg()]);
    bin.bytes(124, b"sk");
    bin.words(128, &[120, 120, 1, 52]);
    bin.words(144, &[0x8000_0001, 20, 36, 0, 0]);
    for at in [164, 180] {
        bin.words(at, &[0x0000_0201, 0x0500_0000, 32, 544]);
    }
    bin.words(208, &[4096 - 208]);
    [base.0, bin.0].concat()
}

/// Leaves a hive as a machine with Windows 7 does that stops while it writes: the first page is
/// gone, and stands in the log beside it.
///
/// # Errors
/// When it cannot be read or written.
pub fn interrupt(path: &Path) -> Result<()> {
    let mut hive = Block(fs::read(path)?);
    let page = hive.0.get(4096..4096 + 512).unwrap_or_default().to_vec();
    let sequence = u32::try_from(number(&hive.0, 4, 4)?)? + 1;
    let mut log = Block(hive.0.get(..512).unwrap_or_default().to_vec());
    log.words(4, &[sequence, sequence]);
    let of_pages = 1;
    log.words(28, &[of_pages]);
    let vector = Block(vec![0; place(&hive.0, 40, 4)? / 512 / 8]);
    let mut vector = Block([b"DIRT".to_vec(), vector.0].concat());
    vector.bytes(4, &[1]);
    vector.0.resize(vector.0.len().next_multiple_of(512), 0);
    let log = [summed(log).0, vector.0, page].concat();
    fs::write(path.with_extension("LOG1"), log)?;
    hive.words(4, &[sequence]);
    hive.bytes(4096, &[0; 512]);
    Ok(fs::write(path, summed(hive).0)?)
}

/// With the checksum of the first block.
fn summed(mut hive: Block) -> Block {
    let words = hive.0.chunks_exact(4).take(127);
    let sum = words
        .filter_map(|word| Some(u32::from_le_bytes(*word.first_chunk()?)))
        .fold(0, |sum, word| sum ^ word);
    hive.words(508, &[sum]);
    hive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hive_holds_what_it_was_made_of() {
        let directory = tempfile::tempdir().unwrap();
        let hive = directory.path().join("hive");
        make(
            &hive,
            "[\\A]\n\"x\"=\"1\"\n\n[\\A\\B]\n\"y\"=dword:00000007\n",
        )
        .unwrap();
        let before = export(&hive).unwrap();
        assert_eq!(before["\\A\\B"], ["\"y\"=dword:00000007"]);
        make(&hive, "[\\A]\n\"x\"=\"2\"\n").unwrap();
        let after = export(&hive).unwrap();
        let lines = difference(&before, &after);
        assert_eq!(lines.len(), 3, "{lines:?}");
        // Another reader takes the empty one too.
        fs::write(&hive, empty()).unwrap();
        let said = Tool::new("reged")
            .args(["-x"])
            .arg(&hive)
            .args(["\\", "\\"])
            .arg(directory.path().join("out"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.contains("ROOT") || said.contains("Root"), "{said}");
    }
}
