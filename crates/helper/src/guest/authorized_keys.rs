//! Adds public keys to the file that sshd(8) reads them from.
// SPDX-License-Identifier: BSD-2-Clause

use super::table;

/// Adds those lines that are not there yet at the end; everything else stays byte for byte.
#[must_use]
pub fn with_keys(content: &[u8], keys: &[&str]) -> Vec<u8> {
    let mut edited = content.to_vec();
    for key in keys {
        let is_there = edited
            .split(|byte| *byte == b'\n')
            .any(|line| line.trim_ascii() == key.as_bytes());
        if is_there {
            continue;
        }
        edited = table::appended(&edited, key);
    }
    edited
}

/// The single keys in what was given: no empty lines and no comments.
#[must_use]
pub fn lines(given: &[String]) -> Vec<&str> {
    given
        .iter()
        .flat_map(|text| text.lines())
        .map(str::trim_ascii)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_there_is_not_added_again() {
        let before = b"# mine\nssh-ed25519 AAAA a\r\nssh-rsa BBBB b";
        let after = with_keys(before, &["ssh-ed25519 AAAA a", "ssh-rsa CCCC c"]);
        assert_eq!(
            after,
            b"# mine\nssh-ed25519 AAAA a\r\nssh-rsa BBBB b\nssh-rsa CCCC c\n"
        );
        assert_eq!(with_keys(&after, &["ssh-rsa CCCC c"]), after);
    }

    #[test]
    fn empty_lines_and_comments_are_no_keys() {
        let given = [
            "\n# x\n ssh-rsa A\nssh-rsa B\r\n".to_owned(),
            "  ".to_owned(),
        ];
        assert_eq!(lines(&given), ["ssh-rsa A", "ssh-rsa B"]);
    }
}
