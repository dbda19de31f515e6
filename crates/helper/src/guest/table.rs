//! Tables of the kind of passwd(5): one entry a line, its fields between colons.
// SPDX-License-Identifier: BSD-2-Clause

/// The fields of one line.
pub type Fields<'line> = Vec<&'line [u8]>;

/// The fields of every line that has more than one.
pub fn lines(table: &[u8]) -> impl Iterator<Item = Fields<'_>> {
    table
        .split(|byte| *byte == b'\n')
        .map(fields)
        .filter(|fields| fields.len() > 1)
}

/// The fields of every line whose first field is exactly this name.
pub fn named<'table>(
    table: &'table [u8],
    name: &'table str,
) -> impl Iterator<Item = Fields<'table>> {
    lines(table).filter(move |fields| fields.first() == Some(&name.as_bytes()))
}

/// Changes the fields of the first line that is wanted; every other line stays byte for byte.
/// `None` when there is none.
#[must_use]
pub fn edited(
    table: &[u8],
    is_wanted: impl Fn(&[&[u8]]) -> bool,
    change: impl FnOnce(&mut Vec<Vec<u8>>),
) -> Option<Vec<u8>> {
    let mut edited = Vec::with_capacity(table.len().saturating_add(256));
    let mut change = Some(change);
    for line in table.split_inclusive(|byte| *byte == b'\n') {
        let (bare, end) = match line.strip_suffix(b"\n") {
            Some(bare) => (bare, &b"\n"[..]),
            None => (line, &b""[..]),
        };
        let fields = fields(bare);
        let is_wanted = fields.len() > 1 && is_wanted(&fields);
        match change.take_if(|_| is_wanted) {
            Some(change) => {
                let mut fields: Vec<_> = fields.into_iter().map(<[u8]>::to_vec).collect();
                change(&mut fields);
                edited.extend(fields.join(&b':'));
                edited.extend(end);
            }
            None => edited.extend(line),
        }
    }
    change.is_none().then_some(edited)
}

/// Adds a line at the end.
#[must_use]
pub fn appended(table: &[u8], line: &str) -> Vec<u8> {
    let mut longer = table.to_vec();
    if longer.last().is_some_and(|last| *last != b'\n') {
        longer.push(b'\n');
    }
    longer.extend(line.as_bytes());
    longer.push(b'\n');
    longer
}

/// A plain decimal number: `parse` alone would take a sign too.
#[must_use]
pub fn number(digits: &[u8]) -> Option<u32> {
    let plain = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits)
        .ok()
        .filter(|_| plain)?
        .parse()
        .ok()
}

fn fields(line: &[u8]) -> Fields<'_> {
    line.split(|byte| *byte == b':').collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn first(table: &[u8], name: &str) -> Option<Vec<u8>> {
        edited(
            table,
            |fields| fields.first() == Some(&name.as_bytes()),
            |fields| fields.push(b"new".to_vec()),
        )
    }

    #[test]
    fn only_the_first_wanted_line_changes() {
        assert_eq!(first(b"a:1\nb\na:2", "a").unwrap(), b"a:1:new\nb\na:2");
        assert_eq!(first(b"a:1\nb:2", "b").unwrap(), b"a:1\nb:2:new");
        assert_eq!(first(b"a:1\nb\n", "b"), None);
        assert_eq!(appended(b"a:1", "b:2"), b"a:1\nb:2\n");
        assert_eq!(appended(b"", "b:2"), b"b:2\n");
    }

    proptest! {
        #[test]
        fn every_other_line_stays_byte_for_byte(
            before in prop::collection::vec(any::<u8>(), 0..200),
            after in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assume!(!before.windows(5).any(|part| part == b"user:"));
            let table = |line: &[u8]| [&before, b"\n".as_slice(), line, b"\n", &after].concat();
            prop_assert_eq!(first(&table(b"user:1"), "user").unwrap(), table(b"user:1:new"));
        }
    }
}
