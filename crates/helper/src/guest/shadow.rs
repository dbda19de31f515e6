//! Changes entries of shadow(5) without touching any other byte.
// SPDX-License-Identifier: BSD-2-Clause

use std::time::{SystemTime, UNIX_EPOCH};

use super::table;

/// The fields of a line: name, password, day of the last change, and six about its age.
const FIELDS: usize = 9;

/// Where in a line the password stands, the day of its last change, the days after which it has to
/// be changed again, and the day from which on the account is expired.
const PASSWORD: usize = 1;
const CHANGED: usize = 2;
const MAX_AGE: usize = 4;
const EXPIRES: usize = 7;

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// Gives a user a new password hash, changed on `day` (days since 1970, UTC); an account that
/// has expired by then expires no longer. Of several lines of that name the first is changed,
/// which is the one that getspnam(3) finds. `None` when there is no such line.
#[must_use]
pub fn with_password(shadow: &[u8], user: &str, hash: &str, day: u64) -> Option<Vec<u8>> {
    changed(shadow, user, day, |fields| {
        put(fields, PASSWORD, hash.as_bytes());
        put(fields, CHANGED, day.to_string().as_bytes());
    })
}

/// Lets a user in who has no password, but keys: the account is not expired any more, nor is the
/// password, which nobody could change, and when `locked` accounts are shut out altogether, it is
/// locked no longer. The password stays one that nobody knows. `None` when there is no such line.
#[must_use]
pub fn with_login(shadow: &[u8], user: &str, locked: bool, day: u64) -> Option<Vec<u8>> {
    changed(shadow, user, day, |fields| {
        let is_locked = (fields.get(PASSWORD)).is_some_and(|password| password.starts_with(b"!"));
        if locked && is_locked {
            put(fields, PASSWORD, b"*");
        }
        let number = |at: usize| fields.get(at).and_then(|field| table::number(field));
        let is_over = number(CHANGED).is_some_and(|changed| {
            let end = number(MAX_AGE).map(|days| u64::from(changed) + u64::from(days));
            changed == 0 || end.is_some_and(|end| end <= day)
        });
        if is_over {
            put(fields, CHANGED, day.to_string().as_bytes());
        }
    })
}

/// Adds a line for a user who has none, as pwconv(8) would.
#[must_use]
pub fn with_user(shadow: &[u8], user: &str, hash: &str, day: u64) -> Vec<u8> {
    table::appended(shadow, &format!("{user}:{hash}:{day}:0:99999:7:::"))
}

/// Whether a user has a line.
#[must_use]
pub fn has(shadow: &[u8], user: &str) -> bool {
    table::named(shadow, user).next().is_some()
}

fn changed(
    shadow: &[u8],
    user: &str,
    day: u64,
    change: impl FnOnce(&mut Vec<Vec<u8>>),
) -> Option<Vec<u8>> {
    table::edited(
        shadow,
        |fields| fields.first() == Some(&user.as_bytes()),
        |fields| {
            change(fields);
            let expires = fields.get(EXPIRES).and_then(|day| table::number(day));
            if expires.is_some_and(|expires| u64::from(expires) <= day) {
                put(fields, EXPIRES, b"");
            }
        },
    )
}

/// Sets a field. getspnam(3) refuses a line that is too short.
fn put(fields: &mut Vec<Vec<u8>>, at: usize, value: &[u8]) {
    if fields.len() < FIELDS {
        fields.resize(FIELDS, Vec::new());
    }
    if let Some(field) = fields.get_mut(at) {
        *field = value.to_vec();
    }
}

/// Days since 1970, UTC. At least 1: day 0 would mean that the password must be changed at
/// the first login.
#[must_use]
pub fn today() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(1, |since| (since.as_secs() / SECONDS_A_DAY).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_of_the_user_changes() {
        let before = b"root:*:19000:0:99999:7:::\n# odd\n\xff:\0\nroot2:!:1::::::\n";
        let after = with_password(before, "root", "$6$x", 20000).unwrap();
        assert_eq!(
            after,
            b"root:$6$x:20000:0:99999:7:::\n# odd\n\xff:\0\nroot2:!:1::::::\n"
        );
    }

    #[test]
    fn of_several_lines_the_first_changes() {
        let after = with_password(b"a:1:2::::::\na:3:4::::::", "a", "h", 5).unwrap();
        assert_eq!(after, b"a:h:5::::::\na:3:4::::::");
    }

    #[test]
    fn a_short_line_becomes_whole() {
        assert_eq!(
            with_password(b"a:\n", "a", "h", 5).unwrap(),
            b"a:h:5::::::\n"
        );
    }

    #[test]
    fn a_user_without_a_line_is_not_found() {
        assert_eq!(with_password(b"root:*:1::::::\n", "roo", "h", 5), None);
        assert_eq!(with_password(b"root\n", "root", "h", 5), None);
        assert_eq!(with_password(b"root:*:1::::::\n", "root:*", "h", 5), None);
        assert_eq!(
            with_user(b"a:*:1::::::", "b", "h", 5),
            b"a:*:1::::::\nb:h:5:0:99999:7:::\n"
        );
    }

    #[test]
    fn a_password_that_nobody_knows_need_not_be_changed() {
        for (before, after) in [
            ("0:0:99999", "20000:0:99999"),
            ("15000:0:90", "20000:0:90"),
            ("19950:0:90", "19950:0:90"),
            ("15000:0:", "15000:0:"),
            (":0:90", ":0:90"),
        ] {
            let line = format!("a:*:{before}:7:30::\n");
            let keys = with_login(line.as_bytes(), "a", false, 20000).unwrap();
            assert_eq!(keys, format!("a:*:{after}:7:30::\n").into_bytes());
        }
    }

    #[test]
    fn an_account_that_has_expired_opens_again_and_a_later_end_stays() {
        for (expires, kept) in [
            ("1", ""),
            ("20000", ""),
            ("20001", "20001"),
            ("", ""),
            ("x", "x"),
        ] {
            let line = format!("a:!h:1:2:99999:4:5:{expires}:\n");
            let password = with_password(line.as_bytes(), "a", "new", 20000).unwrap();
            assert_eq!(
                password,
                format!("a:new:20000:2:99999:4:5:{kept}:\n").into_bytes()
            );
            let keys = with_login(line.as_bytes(), "a", false, 20000).unwrap();
            assert_eq!(keys, format!("a:!h:1:2:99999:4:5:{kept}:\n").into_bytes());
            let locked = with_login(line.as_bytes(), "a", true, 20000).unwrap();
            assert_eq!(locked, format!("a:*:1:2:99999:4:5:{kept}:\n").into_bytes());
        }
        assert_eq!(
            with_login(b"a:*:1::::::\n", "a", true, 5).unwrap(),
            b"a:*:1::::::\n"
        );
    }
}
