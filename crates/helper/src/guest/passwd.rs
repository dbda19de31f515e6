//! Accounts in passwd(5) and group(5), found by the exact bytes of their names.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::table;

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
    /// The login shell; empty means `/bin/sh`.
    pub shell: PathBuf,
}

/// The first line of that name, as getpwnam(3) finds it. Lines that are no account are
/// left out.
#[must_use]
pub fn user(passwd: &[u8], name: &str) -> Option<User> {
    table::named(passwd, name).find_map(|fields| account(&fields))
}

/// The ids of all accounts.
pub fn user_ids(passwd: &[u8]) -> impl Iterator<Item = u32> {
    table::lines(passwd).filter_map(|fields| Some(account(&fields)?.uid))
}

/// Puts another text into the password field of a user. `None` when there is no such user.
#[must_use]
pub fn with_password(passwd: &[u8], name: &str, text: &str) -> Option<Vec<u8>> {
    table::edited(
        passwd,
        |fields| fields.first() == Some(&name.as_bytes()) && account(fields).is_some(),
        |fields| {
            if let Some(field) = fields.get_mut(1) {
                *field = text.as_bytes().to_vec();
            }
        },
    )
}

fn account(fields: &[&[u8]]) -> Option<User> {
    let [name, password, uid, gid, _comment, home, shell] = fields else {
        return None;
    };
    Some(User {
        name: String::from_utf8_lossy(name).into_owned(),
        is_shadowed: *password == b"x",
        uid: table::number(uid)?,
        gid: table::number(gid)?,
        home: PathBuf::from(OsString::from_vec(home.to_vec())),
        shell: PathBuf::from(OsString::from_vec(shell.to_vec())),
    })
}

/// The id of the first group of that name, as getgrnam(3) finds it.
#[must_use]
pub fn group_id(group: &[u8], name: &str) -> Option<u32> {
    table::named(group, name).find_map(|fields| group_number(&fields))
}

/// The ids of all groups.
pub fn group_ids(group: &[u8]) -> impl Iterator<Item = u32> {
    table::lines(group).filter_map(|fields| group_number(&fields))
}

/// The names of the groups that a user is in.
#[must_use]
pub fn groups_of(group: &[u8], user: &User) -> Vec<String> {
    let is_in = |fields: &table::Fields<'_>| match fields.as_slice() {
        [_, _, gid, members] => {
            table::number(gid) == Some(user.gid)
                || (members.split(|byte| *byte == b',')).any(|name| name == user.name.as_bytes())
        }
        _ => false,
    };
    table::lines(group)
        .filter(is_in)
        .filter_map(|fields| Some(String::from_utf8_lossy(fields.first()?).into_owned()))
        .collect()
}

/// Adds a user to the members of a group, in group(5) or gshadow(5): the last of their four
/// fields. `None` when there is no such group.
#[must_use]
pub fn with_member(group: &[u8], name: &str, user: &str) -> Option<Vec<u8>> {
    table::edited(
        group,
        |fields| fields.first() == Some(&name.as_bytes()) && fields.len() == 4,
        |fields| {
            let Some(members) = fields.last_mut() else {
                return;
            };
            let mut known = members.split(|byte| *byte == b',');
            if known.any(|member| member == user.as_bytes()) {
                return;
            }
            if !members.is_empty() {
                members.push(b',');
            }
            members.extend(user.as_bytes());
        },
    )
}

fn group_number(fields: &[&[u8]]) -> Option<u32> {
    match fields {
        [_, _password, gid, _members] => table::number(gid),
        _ => None,
    }
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

    #[test]
    fn a_user_is_in_the_own_group_and_those_that_name_it() {
        let user = user(PASSWD, "a.b").unwrap();
        let group = b"users:x:100:\nadm:x:4:x,a.b\nno:x:5:a,b,a.bc\nbroken:x:6\n";
        assert_eq!(groups_of(group, &user), ["users", "adm"]);
        let more = with_member(group, "no", "a.b").unwrap();
        assert_eq!(groups_of(&more, &user), ["users", "adm", "no"]);
        assert_eq!(with_member(&more, "no", "a.b").unwrap(), more);
        assert_eq!(
            with_member(group, "users", "a.b").unwrap().get(..17),
            Some(&b"users:x:100:a.b\na"[..])
        );
        assert_eq!(with_member(group, "none", "a.b"), None);
    }

    #[test]
    fn the_password_field_of_the_account_that_is_found_changes() {
        let after = with_password(PASSWD, "a.b", "x").unwrap();
        assert!(user(&after, "a.b").unwrap().is_shadowed);
        assert_eq!(after.len(), PASSWD.len());
        assert_eq!(with_password(PASSWD, "broken", "x"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "[a:x0-9\n]{0,60}") {
            let _ = user(bytes.as_bytes(), "a");
            let _ = group_id(bytes.as_bytes(), "a");
        }
    }
}
