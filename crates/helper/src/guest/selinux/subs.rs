//! Directories that are labelled as if they were others: `file_contexts.subs`, `.subs_dist`.
// SPDX-License-Identifier: BSD-2-Clause

/// More lines than any policy has, as a bound.
const MAX_SUBS: usize = 1000;

/// Pairs of directories: what a path begins with, and what is looked up instead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subs {
    own: Vec<(String, String)>,
    distribution: Vec<(String, String)>,
}

impl Subs {
    pub(super) fn new(own: &str, distribution: &str) -> Subs {
        Subs {
            own: parse(own),
            distribution: parse(distribution),
        }
    }

    /// The path that is looked up: after the administrator's lines those of the distribution.
    pub(super) fn apply(&self, path: &str) -> String {
        let path = replaced(&self.own, path).unwrap_or_else(|| path.into());
        replaced(&self.distribution, &path).unwrap_or(path)
    }
}

fn parse(table: &str) -> Vec<(String, String)> {
    let lines = table.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let from = fields.next().filter(|from| !from.starts_with('#'))?;
        Some((from.to_owned(), fields.next()?.to_owned()))
    });
    lines.take(MAX_SUBS).collect()
}

/// By the first line whose directory holds the path.
fn replaced(subs: &[(String, String)], path: &str) -> Option<String> {
    subs.iter().find_map(|(from, to)| {
        let rest = path.strip_prefix(from.as_str())?;
        match rest {
            "" => Some(to.clone()),
            rest if rest.starts_with('/') => Some(format!("{}{rest}", to.trim_end_matches('/'))),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_directories_are_replaced() {
        let subs = Subs::new(
            "/srv/www /var/www\n",
            "/var/www /www\n/bin /usr/bin\n# /x /y\n/z\n",
        );
        for (path, expected) in [
            ("/bin/sh", "/usr/bin/sh"),
            ("/bin", "/usr/bin"),
            ("/binary", "/binary"),
            ("/srv/www/x", "/www/x"),
            ("/etc/x", "/etc/x"),
        ] {
            assert_eq!(subs.apply(path), expected);
        }
    }
}
