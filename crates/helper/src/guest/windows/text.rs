//! Text files of Windows in the encodings that it writes, changed without losing a byte.
// SPDX-License-Identifier: BSD-2-Clause

/// U+FEFF, which stands first in files that say their encoding so.
const MARK: char = '\u{feff}';

/// How the characters of a file stand in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// A text and the form in which it is written again.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    encoding: Encoding,
    has_mark: bool,
    /// The characters, without the mark.
    pub characters: String,
}

/// Why bytes are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// An odd number of bytes.
    #[error("it is UTF-16 text of an odd number of bytes")]
    Odd,
    /// A half of a pair.
    #[error("it is not valid UTF-16 text")]
    Utf16,
    /// Neither UTF-8 nor UTF-16.
    #[error("it is neither UTF-8 nor UTF-16 text")]
    Unknown,
}

impl Text {
    /// Takes characters that are written as UTF-8 without a mark.
    #[must_use]
    pub fn utf8(characters: impl Into<String>) -> Self {
        Text {
            encoding: Encoding::Utf8,
            has_mark: false,
            characters: characters.into(),
        }
    }

    /// Reads UTF-8, or UTF-16 of either byte order. Without a mark, UTF-16 is known by its first
    /// character, which is ASCII in every XML document (XML 1.0, appendix F).
    ///
    /// # Errors
    /// When the bytes are none of these: what is read is written back byte for byte.
    pub fn parse(bytes: &[u8]) -> Result<Self, TextError> {
        let encoding = match bytes {
            [0xff, 0xfe, ..] => Encoding::Utf16Le,
            [0xfe, 0xff, ..] => Encoding::Utf16Be,
            [first, 0, ..] if *first != 0 => Encoding::Utf16Le,
            [0, first, ..] if *first != 0 => Encoding::Utf16Be,
            _ => Encoding::Utf8,
        };
        let all = match encoding {
            Encoding::Utf8 => str::from_utf8(bytes)
                .map_err(|_| TextError::Unknown)?
                .to_owned(),
            Encoding::Utf16Le => utf16(bytes, u16::from_le_bytes)?,
            Encoding::Utf16Be => utf16(bytes, u16::from_be_bytes)?,
        };
        let bare = all.strip_prefix(MARK);
        Ok(Text {
            encoding,
            has_mark: bare.is_some(),
            characters: bare.map_or_else(|| all.clone(), str::to_owned),
        })
    }

    /// The bytes, in the encoding that was read.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mark = self.has_mark.then_some(MARK);
        let all: String = mark.into_iter().chain(self.characters.chars()).collect();
        match self.encoding {
            Encoding::Utf8 => all.into_bytes(),
            Encoding::Utf16Le => all.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Encoding::Utf16Be => all.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        }
    }

    /// Whether a character means the same in every encoding that a document may claim to have.
    #[must_use]
    pub fn is_utf8(&self) -> bool {
        self.encoding == Encoding::Utf8
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, TextError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(TextError::Odd);
    }
    let units = pairs.iter().map(|pair| unit(*pair));
    char::decode_utf16(units)
        .collect::<Result<_, _>>()
        .map_err(|_| TextError::Utf16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_encoding_is_read_and_written_as_it_was() {
        let le: Vec<u8> = "<ä€😀/>"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let be: Vec<u8> = "<ä€😀/>"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        for bytes in [
            "<ä€😀/>".as_bytes().to_vec(),
            "\u{feff}<ä€😀/>".as_bytes().to_vec(),
            [&b"\xff\xfe"[..], &le].concat(),
            [&b"\xfe\xff"[..], &be].concat(),
            le,
            be,
        ] {
            let text = Text::parse(&bytes).unwrap();
            assert_eq!(text.characters, "<ä€😀/>");
            assert_eq!(text.to_bytes(), bytes);
        }
    }

    #[test]
    fn what_could_not_be_written_back_is_refused() {
        for (bytes, fault) in [
            (&b"\xff\xfe<"[..], TextError::Odd),
            (b"<\0/\0>", TextError::Odd),
            (b"\xff\xfe\x00\xd8", TextError::Utf16),
            (b"<a>\xe4</a>", TextError::Unknown),
        ] {
            assert_eq!(Text::parse(bytes).err(), Some(fault), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_that_are_text_stay_the_same(bytes: Vec<u8>) {
            if let Ok(text) = Text::parse(&bytes) {
                prop_assert_eq!(text.to_bytes(), bytes);
            }
        }
    }
}
