//! Looks accounts up in passwd(5) and group(5), by the exact bytes of their names.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One line of passwd(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The login name.
    pub name: String,
    /// Whether the password is kept in shadow(5), which a single `x` in its place says.
    pub is_shadowed: bool,
    /// The user id.
    pub uid: u32,
    /// The id of the group that the user's files get.
    pub gid: u32,
    /// The home directory.
    pub home: PathBuf,
}

/// The first line of that name, as getpwnam(3) finds it. Lines that are no account are
/// left out.
#[must_use]
pub fn user(passwd: &[u8], name: &str) -> Option<User> {
    lines(passwd, name).find_map(|fields| match fields.as_slice() {
        [_, password, uid, gid, _comment, home, _shell] => Some(User {
            name: name.into(),
            is_shadowed: *password == b"x",
            uid: number(uid)?,
            gid: number(gid)?,
            home: PathBuf::from(OsString::from_vec(home.to_vec())),
        }),
        _ => None,
    })
}

/// The id of the first group of that name, as getgrnam(3) finds it.
#[must_use]
pub fn group_id(group: &[u8], name: &str) -> Option<u32> {
    lines(group, name).find_map(|fields| match fields.as_slice() {
        [_, _password, gid, _members] => number(gid),
        _ => None,
    })
}

/// The fields of every line whose first field is exactly this name.
fn lines<'a>(content: &'a [u8], name: &'a str) -> impl Iterator<Item = Vec<&'a [u8]>> {
    content
        .split(|byte| *byte == b'\n')
        .map(|line| line.split(|byte| *byte == b':').collect::<Vec<_>>())
        .filter(move |fields| fields.first() == Some(&name.as_bytes()))
}

/// A plain decimal number: `parse` alone would take a sign too.
fn number(digits: &[u8]) -> Option<u32> {
    let plain = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits)
        .ok()
        .filter(|_| plain)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/bash\n\
        broken:x:zero:0::/:/bin/sh\n\
        broken:x:+7:0::/:/bin/sh\n\
        a.b:*:1000:100:A, B,,:/home/a b:/bin/sh\n\
        axb::1001:100::/home/axb:\n\
        root:x:5:5::/other:/bin/sh";

    #[test]
    fn a_name_is_no_pattern() {
        let user = user(PASSWD, "a.b").unwrap();
        assert_eq!((user.uid, user.gid, user.is_shadowed), (1000, 100, false));
        assert_eq!(user.home, PathBuf::from("/home/a b"));
        assert_eq!(super::user(PASSWD, "a"), None);
        assert_eq!(super::user(PASSWD, "a.b:*"), None);
        assert_eq!(super::user(PASSWD, ""), None);
    }

    #[test]
    fn the_first_good_line_counts() {
        assert_eq!(user(PASSWD, "root").unwrap().uid, 0);
        assert_eq!(user(PASSWD, "broken"), None);
    }

    #[test]
    fn a_group_is_found_by_its_whole_name() {
        let group = b"root:x:0:\nssh:x:101:\nssh_keys:x:998:a,b\n";
        assert_eq!(group_id(group, "ssh_keys"), Some(998));
        assert_eq!(group_id(group, "ssh_"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "[a:x0-9\n]{0,60}") {
            let _ = user(bytes.as_bytes(), "a");
            let _ = group_id(bytes.as_bytes(), "a");
        }
    }
}
