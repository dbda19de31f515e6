//! Changes a password in shadow(5) without touching any other byte.
// SPDX-License-Identifier: BSD-2-Clause

use std::time::{SystemTime, UNIX_EPOCH};

/// The fields of a line: name, password, day of the last change, and six about its age.
const FIELDS: usize = 9;

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// Gives a user a new password hash, changed on `day` (days since 1970, UTC). Of several
/// lines of that name the first is changed, which is the one that getspnam(3) finds. `None`
/// when there is no such line.
#[must_use]
pub fn with_password(shadow: &[u8], user: &str, hash: &str, day: u64) -> Option<Vec<u8>> {
    let mut edited = Vec::with_capacity(shadow.len().saturating_add(hash.len()));
    let mut is_found = false;
    for line in shadow.split_inclusive(|byte| *byte == b'\n') {
        let end_of_name = line.iter().position(|byte| *byte == b':');
        let name = end_of_name.and_then(|end| line.get(..end));
        let is_user = name == Some(user.as_bytes());
        if is_user && !is_found {
            is_found = true;
            edited.extend(changed(line, hash, day));
        } else {
            edited.extend(line);
        }
    }
    is_found.then_some(edited)
}

fn changed(line: &[u8], hash: &str, day: u64) -> Vec<u8> {
    let (line, end) = match line.strip_suffix(b"\n") {
        Some(line) => (line, &b"\n"[..]),
        None => (line, &b""[..]),
    };
    let day = day.to_string();
    let mut fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
    if fields.len() < FIELDS {
        // getspnam(3) refuses a line that is too short.
        fields.resize(FIELDS, b"");
    }
    let new = [hash.as_bytes(), day.as_bytes()];
    for (field, new) in fields.iter_mut().skip(1).zip(new) {
        *field = new;
    }
    let mut line = fields.join(&b':');
    line.extend(end);
    line
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
    use proptest::prelude::*;

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
    fn a_user_without_a_line_is_not_added() {
        assert_eq!(with_password(b"root:*:1::::::\n", "roo", "h", 5), None);
        assert_eq!(with_password(b"root\n", "root", "h", 5), None);
        assert_eq!(with_password(b"root:*:1::::::\n", "root:*", "h", 5), None);
    }

    proptest! {
        #[test]
        fn every_other_line_stays_byte_for_byte(
            before in prop::collection::vec(any::<u8>(), 0..200),
            after in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut shadow = before.clone();
            shadow.extend(b"\nuser:*:1:2:3:4:5:6:7\n");
            shadow.extend(&after);
            let mut expected = before.clone();
            expected.extend(b"\nuser:h:9:2:3:4:5:6:7\n");
            expected.extend(&after);
            prop_assume!(!before.windows(5).any(|part| part == b"user:"));
            prop_assert_eq!(with_password(&shadow, "user", "h", 9).unwrap(), expected);
        }
    }
}
