//! What the server's replies say. Whatever is not as it should be says nothing.
// SPDX-License-Identifier: BSD-2-Clause

/// The lowest port that data may come from: below it are services.
const LOWEST_PORT: u16 = 1024;

/// The code of a line, and whether it is the last of its reply (RFC 959, 4.2).
pub(super) fn code(line: &[u8]) -> Option<(u16, bool)> {
    let (digits, rest) = line.split_at_checked(3)?;
    let code = std::str::from_utf8(digits).ok()?;
    if !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let is_last = rest.first().is_none_or(|byte| *byte == b' ');
    Some((code.parse().ok()?, is_last))
}

/// The port in `229 Entering Extended Passive Mode (|||PORT|)` (RFC 2428).
pub(super) fn extended_port(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once('(')?;
    let mut signs = rest.chars();
    let sign = signs.next().filter(|sign| !sign.is_ascii_alphanumeric())?;
    let rest = signs.as_str().strip_prefix(sign)?.strip_prefix(sign)?;
    let (port, _) = rest.split_once(sign)?;
    port.parse().ok().filter(|port| *port >= LOWEST_PORT)
}

/// The port in `227 … (H,H,H,H,P,P)`. The address there is of no interest: servers behind a
/// translator do not know theirs, and another one would be somebody else's.
pub(super) fn passive_port(text: &str) -> Option<u16> {
    let start = text.find(|sign: char| sign.is_ascii_digit())?;
    let numbers = text
        .get(start..)?
        .split(|sign: char| !sign.is_ascii_digit());
    let numbers: Option<Vec<u8>> = numbers.take(6).map(|number| number.parse().ok()).collect();
    let [_, _, _, _, high, low] = numbers?.try_into().ok()?;
    Some(u16::from_be_bytes([high, low])).filter(|port| *port >= LOWEST_PORT)
}

/// Whether a text is `YYYYMMDDHHMMSS`, with a fraction or without (RFC 3659).
pub(super) fn is_time(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    whole.len() == 14 && is_number(whole) && fraction.len() <= 9 && is_number(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_as_they_should_be_written() {
        assert_eq!(code(b"220 ready"), Some((220, true)));
        assert_eq!(code(b"220-ready"), Some((220, false)));
        assert_eq!(code(b"220"), Some((220, true)));
        assert_eq!(extended_port("(|||6446|)"), Some(6446));
        assert_eq!(extended_port("mode (!!!65535!)."), Some(65535));
        assert_eq!(passive_port("mode (10,0,0,1,4,1)."), Some(1025));
        assert_eq!(passive_port("=10,0,0,1,255,255"), Some(65535));
        assert!(is_time("20261126120000") && is_time("20261126120000.123"));
    }

    #[test]
    fn others_say_nothing() {
        for line in ["", "22", "2x0 a", "+20 a", "\u{661}20 a"] {
            assert_eq!(code(line.as_bytes()), None, "{line}");
        }
        for text in [
            "",
            "(",
            "(|||",
            "(|||22|)",
            "(|||65536|)",
            "(||6446|)",
            "(|1|1.2.3.4|6446|)",
            "(1111|)",
            "(|||-1|)",
        ] {
            assert_eq!(extended_port(text), None, "{text}");
        }
        for text in [
            "",
            "(1,2,3,4,5)",
            "(1,2,3,4,0,22)",
            "(1,2,3,4,256,1)",
            "(1,,3,4,5,6)",
        ] {
            assert_eq!(passive_port(text), None, "{text}");
        }
        for text in ["", "2026112612000", "2026112612000x", "20261126120000.1x"] {
            assert!(!is_time(text), "{text}");
        }
    }
}
