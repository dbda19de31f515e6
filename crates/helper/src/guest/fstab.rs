//! Reads the table of file systems, fstab(5).
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The device, or `UUID=`, `LABEL=`, `PARTUUID=`, `PARTLABEL=` with its value, quotes
    /// around the value taken off. Bytes that are not UTF-8 are replaced.
    pub spec: String,
    /// The mount point.
    pub file: PathBuf,
    /// The type of the file system.
    pub vfstype: String,
    /// The mount options, separated by commas; `defaults` where there are none.
    pub options: String,
}

/// Takes the table apart. Comments, empty lines and lines with less than three fields are
/// left out. Blanks in a field are written `\040` and the like; they come back decoded.
#[must_use]
pub fn parse(content: &[u8]) -> Vec<Entry> {
    lines(content).filter_map(entry).collect()
}

/// The fields of every line that is no comment, in fstab(5) and tables like it.
pub(super) fn lines(content: &[u8]) -> impl Iterator<Item = impl Iterator<Item = &[u8]>> {
    content
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii_start().starts_with(b"#"))
        .map(|line| {
            line.split(u8::is_ascii_whitespace)
                .filter(|field| !field.is_empty())
        })
}

fn entry<'line>(mut fields: impl Iterator<Item = &'line [u8]>) -> Option<Entry> {
    let spec = fields.next()?;
    let file = fields.next()?;
    let vfstype = fields.next()?;
    let options = fields.next().unwrap_or(b"defaults");
    Some(Entry {
        spec: unquoted(&text(spec)),
        file: PathBuf::from(OsString::from_vec(decoded(file))),
        vfstype: text(vfstype),
        options: text(options),
    })
}

pub(super) fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(&decoded(field)).into_owned()
}

/// `LABEL="data"` is the same as `LABEL=data`.
pub(super) fn unquoted(spec: &str) -> String {
    let Some((tag, value)) = spec.split_once('=') else {
        return spec.into();
    };
    let bare = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    format!("{tag}={}", bare.unwrap_or(value))
}

/// Replaces each backslash with three octal digits by the byte that they mean.
fn decoded(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..3).filter(|_| *first == b'\\').and_then(octal);
        bytes.push(escaped.unwrap_or(*first));
        rest = match escaped {
            Some(_) => after.get(3..).unwrap_or_default(),
            None => after,
        };
    }
    bytes
}

fn octal(digits: &[u8]) -> Option<u8> {
    let legal = digits.iter().all(|digit| (b'0'..=b'7').contains(digit));
    let digits = std::str::from_utf8(digits).ok().filter(|_| legal)?;
    u8::from_str_radix(digits, 8).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(spec: &str, file: &str, vfstype: &str, options: &str) -> Entry {
        Entry {
            spec: spec.into(),
            file: file.into(),
            vfstype: vfstype.into(),
            options: options.into(),
        }
    }

    #[test]
    fn every_line_with_three_fields_counts() {
        let table = b"# <file system> <mount point>\n\
            UUID=1234-ABCD / ext4 errors=remount-ro 0 1\n\
            \t LABEL=\"data\"\t/srv/my\\040data xfs\n\
            \n\
            /dev/sda2 none\n\
            proc\n\
            tmpfs /tmp tmpfs nosuid,nodev";
        assert_eq!(
            parse(table),
            [
                of("UUID=1234-ABCD", "/", "ext4", "errors=remount-ro"),
                of("LABEL=data", "/srv/my data", "xfs", "defaults"),
                of("tmpfs", "/tmp", "tmpfs", "nosuid,nodev"),
            ]
        );
    }

    #[test]
    fn a_backslash_without_three_octal_digits_stays() {
        assert_eq!(decoded(br"a\04"), br"a\04");
        assert_eq!(decoded(br"\777\134040"), br"\777\040");
        assert_eq!(decoded(br"\"), br"\");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
