//! Conditions of `Match` blocks, as far as they can be known before anybody logs in.
// SPDX-License-Identifier: BSD-2-Clause

use super::super::passwd::User;

/// What a `Match` line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// `all`
    Always,
    /// `User` and patterns
    User(Vec<u8>),
    /// `Group` and patterns
    Group(Vec<u8>),
    /// What only the connection tells, such as `Address`.
    Unknown,
}

/// Reads the words behind `Match`.
pub(super) fn parse(words: Vec<Vec<u8>>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        conditions.push(match word.to_ascii_lowercase().as_slice() {
            b"all" => Condition::Always,
            b"user" => Condition::User(words.next().unwrap_or_default()),
            b"group" => Condition::Group(words.next().unwrap_or_default()),
            // Most of the others take a value, which means nothing alone.
            _ => Condition::Unknown,
        });
    }
    conditions
}

impl Condition {
    /// Whether it holds for a user wherever that comes from.
    pub(super) fn holds(&self, user: &User, groups: &[String]) -> bool {
        match self {
            Condition::Always => true,
            Condition::User(patterns) => listed(patterns, user.name.as_bytes()) == Some(true),
            Condition::Group(patterns) => {
                let mut verdicts = groups.iter().map(|name| listed(patterns, name.as_bytes()));
                let mut is_listed = false;
                verdicts.all(|verdict| {
                    is_listed |= verdict == Some(true);
                    verdict != Some(false)
                }) && is_listed
            }
            Condition::Unknown => false,
        }
    }
}

/// Whether a list of patterns names something; `Some(false)`: one with `!` before it does, which
/// outweighs all others.
pub(super) fn listed(patterns: &[u8], name: &[u8]) -> Option<bool> {
    let mut found = None;
    for pattern in patterns.split(|byte| *byte == b',') {
        match pattern.strip_prefix(b"!") {
            Some(pattern) if matches(pattern, name) => return Some(false),
            None if matches(pattern, name) => found = Some(true),
            _ => {}
        }
    }
    found
}

/// Whether a pattern of `*` and `?` is a name, in no more steps than the product of both lengths.
fn matches(mut pattern: &[u8], mut name: &[u8]) -> bool {
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), name.split_first()) {
            (Some((b'*', rest)), _) => {
                retry = Some((rest, name));
                pattern = rest;
            }
            (Some((first, rest)), Some((byte, after))) if *first == b'?' || first == byte => {
                (pattern, name) = (rest, after);
            }
            (None, None) => return true,
            _ => {
                let Some((after_star, [_, shorter @ ..])) = retry else {
                    return false;
                };
                retry = Some((after_star, shorter));
                (pattern, name) = (after_star, shorter);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_ssh() {
        for (patterns, expected) in [
            ("admin", Some(true)),
            ("adm*", Some(true)),
            ("*m?n", Some(true)),
            ("a,b,admin", Some(true)),
            ("Admin", None),
            ("admi", None),
            ("*,!adm*", Some(false)),
            ("!x,admin", Some(true)),
            ("!x", None),
            ("", None),
            ("*a*d*m*i*n*", Some(true)),
            ("[a]dmin", None),
        ] {
            assert_eq!(
                listed(patterns.as_bytes(), b"admin"),
                expected,
                "{patterns}"
            );
        }
    }
}
