//! Reads the settings of the tools for accounts, login.defs(5).
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::path::Path;

use super::glob;
use super::root::{FILE_LIMIT, Root};
use crate::error::Result;

/// Where the settings stand: the usual place, then that of systems that keep their own apart
/// from the administrator's. The first that exists counts.
const FILES: [&str; 2] = ["/etc/login.defs", "/usr/etc/login.defs"];

/// Further settings of such systems, which win.
const FURTHER: &str = "/etc/login.defs.d/*.defs";

/// Names and values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginDefs(BTreeMap<String, String>);

/// Reads the settings of an image; none where it has no such file.
///
/// # Errors
/// When a file is there but cannot be read.
pub fn read(root: &Root) -> Result<LoginDefs> {
    let mut found = LoginDefs::default();
    let main = FILES.into_iter().find(|file| root.exists(file));
    if let Some(content) = main.map_or(Ok(None), |file| root.read(file, FILE_LIMIT))? {
        found.add(&content);
    }
    for file in glob::expand(root, Path::new(FURTHER))? {
        found.add(&root.read(file, FILE_LIMIT)?.unwrap_or_default());
    }
    Ok(found)
}

impl LoginDefs {
    /// Adds the lines of one file; a later one of the same name wins.
    fn add(&mut self, content: &[u8]) {
        for line in String::from_utf8_lossy(content).lines() {
            let line = line.trim_ascii();
            if let Some((name, value)) = line.split_once(|sign: char| sign.is_ascii_whitespace())
                && !name.starts_with('#')
            {
                let value = value.trim_ascii().trim_matches('"');
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// A value as it stands there.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A number as the tools read it: decimal, or octal behind a 0.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        let digits = self.text(name)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        match digits.strip_prefix('0') {
            Some(octal) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
            _ => digits.parse().ok(),
        }
    }

    /// Whether a switch is `yes`.
    #[must_use]
    pub fn is_yes(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("yes"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::Image;
    use super::*;

    #[test]
    fn the_last_line_of_a_name_counts_and_comments_do_not() {
        let image = Image::empty();
        image
            .file(
                "/etc/login.defs",
                "# ENCRYPT_METHOD DES\n ENCRYPT_METHOD\tSHA512 \nUID_MIN 1000\nUID_MIN  500\n\
                 HOME_MODE 0700\nBAD -1\nALONE\nQUOTED \"a b\"\nUSERGROUPS_ENAB Yes\n",
            )
            .file("/etc/login.defs.d/50.defs", "UID_MAX 9\n")
            .file("/etc/login.defs.d/readme", "UID_MAX 8\n");
        let found = image.confined(|root| read(&root).unwrap());
        assert_eq!(found.text("ENCRYPT_METHOD"), Some("SHA512"));
        assert_eq!(
            (found.number("UID_MIN"), found.number("UID_MAX")),
            (Some(500), Some(9))
        );
        assert_eq!(found.number("HOME_MODE"), Some(0o700));
        assert_eq!((found.number("BAD"), found.text("ALONE")), (None, None));
        assert_eq!(found.text("QUOTED"), Some("a b"));
        assert!(found.is_yes("USERGROUPS_ENAB") && !found.is_yes("BAD"));
    }

    #[test]
    fn the_system_s_own_settings_count_where_there_are_no_others() {
        let image = Image::empty();
        image.file("/usr/etc/login.defs", "UID_MIN 7\n");
        let number = || image.confined(|root| read(&root).unwrap().number("UID_MIN"));
        assert_eq!(number(), Some(7));
        image.file("/etc/login.defs", "");
        assert_eq!(number(), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let mut found = LoginDefs::default();
            found.add(&bytes);
            for name in found.0.keys() {
                let _ = found.number(name);
            }
        }
    }
}
