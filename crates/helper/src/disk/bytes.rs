//! Little-endian numbers and fixed fields out of raw bytes, without a way to panic.
// SPDX-License-Identifier: BSD-2-Clause

use rand::Rng;

/// `N` bytes at an offset.
pub(crate) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

/// The number in two bytes at an offset.
pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_le_bytes)
}

/// The number in four bytes at an offset.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_le_bytes)
}

/// The number in eight bytes at an offset.
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    array(bytes, offset).map(u64::from_le_bytes)
}

/// Whether these bytes stand at an offset.
pub(crate) fn is_at(bytes: &[u8], offset: usize, magic: &[u8]) -> bool {
    bytes
        .get(offset..)
        .is_some_and(|rest| rest.starts_with(magic))
}

/// A text in a field of fixed length that ends at its first NUL; empty is none.
pub(crate) fn text(bytes: &[u8], offset: usize, length: usize) -> Option<String> {
    let field = bytes.get(offset..offset.checked_add(length)?)?;
    let field = field.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(field).trim_end().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Sixteen bytes at an offset as a UUID in lower case; all zero is none.
pub(crate) fn uuid(bytes: &[u8], offset: usize) -> Option<String> {
    let id: [u8; 16] = array(bytes, offset)?;
    (id != [0; 16]).then(|| uuid_text(&id))
}

/// How a UUID is written, in lower case.
pub(crate) fn uuid_text(id: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in id.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// A new random UUID (RFC 9562, version 4).
pub(crate) fn random_uuid(random: &mut impl Rng) -> [u8; 16] {
    let mut id = [0; 16];
    random.fill_bytes(&mut id);
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut id;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_the_end_is_none() {
        assert_eq!(u32_at(&[1, 0, 0, 0], 0), Some(1));
        assert_eq!(u32_at(&[1, 0, 0, 0], 1), None);
        assert_eq!(u64_at(&[], usize::MAX), None);
        assert_eq!(text(b"abc", 1, 9), None);
    }

    #[test]
    fn texts_end_at_their_first_nul() {
        assert_eq!(text(b"root\0junk", 0, 9).unwrap(), "root");
        assert_eq!(text(b"EFI     ", 0, 8).unwrap(), "EFI");
        assert_eq!(text(&[0; 16], 0, 16), None);
    }

    #[test]
    fn a_uuid_has_the_usual_form() {
        let bytes: [u8; 16] = std::array::from_fn(|at| u8::try_from(at).unwrap());
        assert_eq!(
            uuid(&bytes, 0).unwrap(),
            "00010203-0405-0607-0809-0a0b0c0d0e0f"
        );
        assert_eq!(uuid(&[0; 16], 0), None);
    }
}
