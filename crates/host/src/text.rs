//! Makes text that somebody else has a hand in harmless to whoever reads it in a terminal or a log.
// SPDX-License-Identifier: BSD-2-Clause

/// Marks a text that was cut.
const CUT: &str = " [cut]";

/// What another program says, as one line without control characters (C0 but the tab, DEL, C1)
/// and invalid UTF-8, which stand as `\xNN` instead, cut to `limit` bytes.
#[must_use]
pub fn excerpt(bytes: &[u8], limit: usize) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for sign in chunk.valid().chars() {
            if sign.is_control() && sign != '\t' {
                // C0, DEL and C1 end at U+009F.
                push(&mut text, u32::from(sign));
            } else {
                text.push(sign);
            }
        }
        for byte in chunk.invalid() {
            push(&mut text, u32::from(*byte));
        }
        if text.len() > limit {
            break;
        }
    }
    cut(text, limit)
}

/// A text of ours, whole, with its control characters as Rust writes them: names of files and words
/// of the helper may hold some, which a terminal would obey and which would make one line two.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        if sign.is_control() {
            out.extend(sign.escape_default());
        } else {
            out.push(sign);
        }
    }
    out
}

fn push(text: &mut String, code: u32) {
    text.push_str(&format!("\\x{code:02x}"));
}

fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = text.floor_char_boundary(limit.saturating_sub(CUT.len()));
        text.truncate(end);
        text.push_str(CUT);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_as_it_is() {
        let plain = "Grüße\tvon\u{a0}/dev/vda \\x1b";
        assert_eq!(excerpt(plain.as_bytes(), 100), plain);
    }

    #[test]
    fn whatever_steers_a_terminal_is_escaped() {
        assert_eq!(
            excerpt(b"\x1b]0;x\x07\x7f\xc2\x9b\xff\xc3\r", 100),
            r"\x1b]0;x\x07\x7f\x9b\xff\xc3\x0d"
        );
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let text = excerpt("ä".repeat(100).as_bytes(), 31);
        assert!(text.len() <= 31);
        assert_eq!(text, format!("{} [cut]", "ä".repeat(12)));
        assert_eq!(excerpt(&[0; 1000], 20).len(), 20);
    }

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        assert_eq!(escaped("a\x1b[31m\nb\u{9b}ä"), "a\\u{1b}[31m\\nb\\u{9b}ä");
    }
}
