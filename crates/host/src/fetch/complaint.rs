//! The one word by which a store says why it refuses, taken from the body of its answer.
// SPDX-License-Identifier: BSD-2-Clause

use std::io::Read;

use ureq::Body;

use super::download::Trouble;
use super::watchdog::within;

/// How much of a body is read for it, in bytes.
const MOST: u64 = 16 << 10;

/// The longest word.
const LONGEST: usize = 60;

/// The trouble with the word behind it, where `word` finds one.
pub(super) fn with(trouble: Trouble, body: Body, word: fn(&str) -> Option<&str>) -> Trouble {
    let mut bytes = Vec::new();
    // A body that breaks off may hold the word yet.
    let _ = within(|| body.into_reader().take(MOST).read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    let Some(word) = word(&text).filter(|word| is_word(word)) else {
        return trouble;
    };
    match trouble {
        Trouble::Passing(reason) => Trouble::Passing(format!("{reason}: {word}")),
        Trouble::Final(reason) => Trouble::Final(format!("{reason}: {word}")),
    }
}

/// S3's: the first `<Code>`.
pub(super) fn of_s3(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(word, _)| word)
}

/// A registry's: the first `code`.
pub(super) fn of_registry(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("\"code\"")?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start();
    rest.strip_prefix('"')?
        .split_once('"')
        .map(|(word, _)| word)
}

fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_is_taken() {
        let answer =
            "<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>x</Message></Error>";
        assert_eq!(of_s3(answer), Some("NoSuchKey"));
        assert_eq!(of_s3("<html>"), None);
        let answer = "{\"errors\": [{\"code\" : \"MANIFEST_UNKNOWN\", \"detail\": {}}]}";
        assert_eq!(of_registry(answer), Some("MANIFEST_UNKNOWN"));
        assert_eq!(of_registry("{}"), None);
        assert!(is_word("NoSuchKey"));
        for text in ["", "two words", "a\u{1b}[1m", "ä"] {
            assert!(!is_word(text), "{text}");
        }
    }
}
