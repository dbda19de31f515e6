//! Finds the files that a pattern of a configuration file names, glob(7), inside the root.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::root::Root;
use crate::error::{Error, Result};

/// The most files that one pattern may name.
const MAX_FILES: usize = 256;

/// The paths that a pattern names, sorted. A pattern without `*`, `?` and `[` names itself
/// when that exists. As in a shell, `*` does not name hidden files.
///
/// # Errors
/// When a directory cannot be read or the pattern names more than 256 files.
pub fn expand(root: &Root, pattern: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::from("/")];
    for component in pattern.components() {
        let name = match component {
            Component::RootDir | Component::CurDir | Component::Prefix(_) => continue,
            Component::ParentDir => OsStr::new(".."),
            Component::Normal(name) => name,
        };
        let mut longer = Vec::new();
        for path in found {
            if !is_pattern(name) {
                longer.push(path.join(name));
            } else if root.is_directory(&path) {
                let names = root.list(&path)?;
                let named = names
                    .iter()
                    .filter(|entry| matches(name.as_bytes(), entry.as_bytes()));
                longer.extend(named.map(|entry| path.join(entry)));
            }
        }
        if longer.len() > MAX_FILES {
            return Err(Error::image(format!(
                "the pattern {pattern:?} in the image names more than {MAX_FILES} files"
            )));
        }
        found = longer;
    }
    found.retain(|path| root.exists(path));
    found.sort();
    Ok(found)
}

fn is_pattern(name: &OsStr) -> bool {
    name.as_bytes()
        .iter()
        .any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// Whether a pattern names a file. Takes no more steps than the product of both lengths.
#[must_use]
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.starts_with(b".") && !pattern.starts_with(b".") {
        return false;
    }
    let (mut pattern, mut name) = (pattern, name);
    // Where to go on when what follows the last star fits no longer.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let Some(rest) = pattern.strip_prefix(b"*") {
            retry = Some((rest, name));
            pattern = rest;
            continue;
        }
        let Some((first, after)) = name.split_first() else {
            return pattern.is_empty();
        };
        if let Some(rest) = one(pattern, *first) {
            (pattern, name) = (rest, after);
            continue;
        }
        let Some((after_star, [_, shorter @ ..])) = retry else {
            return false;
        };
        retry = Some((after_star, shorter));
        (pattern, name) = (after_star, shorter);
    }
}

/// Takes the part of a pattern off that names this byte.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let (first, rest) = pattern.split_first()?;
    match first {
        b'?' => Some(rest),
        b'[' => match set(rest, byte) {
            Some((is_in, after)) => is_in.then_some(after),
            // A bracket that is never closed is a plain character.
            None => (byte == b'[').then_some(rest),
        },
        plain => (*plain == byte).then_some(rest),
    }
}

/// Whether a byte is in a set such as `a-z]` or `!0-9]`, and what follows the set.
fn set(after_bracket: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, members) = match after_bracket {
        [b'!' | b'^', members @ ..] => (true, members),
        members => (false, members),
    };
    // A closing bracket right at the start is a member.
    let end = members.iter().skip(1).position(|byte| *byte == b']')?;
    let (members, after) = members.split_at_checked(end.checked_add(1)?)?;
    let mut rest = members;
    let mut is_in = false;
    loop {
        match rest {
            [] => break,
            [low, b'-', high, more @ ..] => {
                is_in |= (*low..=*high).contains(&byte);
                rest = more;
            }
            [member, more @ ..] => {
                is_in |= *member == byte;
                rest = more;
            }
        }
    }
    Some((is_in != negated, after.get(1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::Image;
    use super::*;

    #[test]
    fn patterns_are_those_of_a_shell() {
        for (pattern, name) in [
            ("*.conf", "50-a.conf"),
            ("*", "a"),
            ("a*b*c", "a-b-b-c"),
            ("?[0-9]*", "a7"),
            ("[!a]b", "xb"),
            ("[]]", "]"),
            ("[a", "[a"),
            (".*", ".hidden"),
        ] {
            assert!(
                matches(pattern.as_bytes(), name.as_bytes()),
                "{pattern} {name}"
            );
        }
        for (pattern, name) in [
            ("*.conf", "a.conf~"),
            ("*", ".hidden"),
            ("a", "b"),
            ("?", ""),
            ("[!a]", "a"),
            ("a*b", "ab-"),
        ] {
            assert!(
                !matches(pattern.as_bytes(), name.as_bytes()),
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn only_files_inside_the_root_are_found() {
        let image = Image::empty();
        image
            .file("/etc/d/b.conf", "")
            .file("/etc/d/a.conf", "")
            .file("/etc/d/c", "")
            .link("/etc/out", &image.outside(""));
        let found = |pattern| image.confined(|root| expand(&root, Path::new(pattern)).unwrap());
        let [a, b] = ["/etc/d/a.conf", "/etc/d/b.conf"].map(PathBuf::from);
        assert_eq!(found("/etc/d/*.conf"), [a.clone(), b]);
        assert_eq!(found("/e*/?/../d/a.conf").len(), 1);
        assert_eq!(found("/etc/d/a.conf"), [a]);
        assert!(found("/etc/d/none").is_empty());
        assert!(found("/etc/out/*").is_empty());
        assert!(found("/etc/d/c/*").is_empty());
    }

    proptest! {
        #[test]
        fn many_stars_take_no_time(pattern in r"[a*?\[\]!-]{0,60}", name in "a{0,200}b?") {
            let _ = matches(pattern.as_bytes(), name.as_bytes());
        }

        #[test]
        fn a_name_matches_itself(name in "[a-z0-9-]{1,20}") {
            prop_assert!(matches(name.as_bytes(), name.as_bytes()));
        }
    }
}
