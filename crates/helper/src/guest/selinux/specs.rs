//! The lines of `file_contexts`: patterns of paths and their labels.
//!
//! The patterns are regular expressions that the image's author may have written. They are
//! compiled by an engine whose time is linear, within bounds, and only those that begin as the
//! path does.
// SPDX-License-Identifier: BSD-2-Clause

use regex_lite::RegexBuilder;
use rustix::fs::FileType;

use super::Verdict;

/// More lines than any policy has, as a bound; Fedora's has seven thousand.
const MAX_SPECS: usize = 50_000;
/// The longest pattern and label, in bytes.
const MAX_FIELD: usize = 4096;
/// The most memory of one compiled pattern, in bytes.
const MAX_COMPILED: usize = 64 * 1024;
/// The deepest nesting in a pattern.
const MAX_NESTING: u32 = 32;
/// How many patterns are compiled for one path.
const MAX_TRIED: usize = 1000;

/// The label that stands for none.
const NONE: &str = "<<none>>";
/// What makes a pattern more than a literal path.
const META: &[char] = &['.', '^', '$', '?', '*', '+', '|', '[', '(', '{'];

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spec {
    pattern: String,
    /// What every path begins with that the pattern fits.
    stem: String,
    kind: Option<FileType>,
    label: String,
}

/// All lines. The last one that fits counts, those of one literal path before all others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Specs {
    literals: Vec<Spec>,
    patterns: Vec<Spec>,
}

impl Specs {
    /// Adds the lines of a table. `None`: they are more than a policy has.
    pub(super) fn add(&mut self, table: &str) -> Option<()> {
        for line in table.lines() {
            let Some(spec) = parse(line) else { continue };
            let is_literal = !has_meta(&spec.pattern);
            let specs = if is_literal {
                &mut self.literals
            } else {
                &mut self.patterns
            };
            if specs.len() == MAX_SPECS {
                return None;
            }
            specs.push(spec);
        }
        Some(())
    }

    /// What they say of a path.
    pub(super) fn lookup(&self, path: &str, kind: FileType) -> Verdict {
        let is_of_kind = |spec: &&Spec| spec.kind.is_none_or(|wanted| wanted == kind);
        let mut literals = self.literals.iter().rev().filter(is_of_kind);
        if let Some(spec) = literals.find(|spec| spec.stem == path) {
            return spec.verdict();
        }
        let patterns = self.patterns.iter().rev().filter(is_of_kind);
        let candidates = patterns.filter(|spec| path.starts_with(&spec.stem));
        for (tried, spec) in candidates.enumerate() {
            match spec.fits(path) {
                Some(true) => return spec.verdict(),
                Some(false) if tried < MAX_TRIED => {}
                _ => return Verdict::Unknown,
            }
        }
        Verdict::Inherit
    }
}

impl Spec {
    /// Whether it fits the whole path. `None`: the engine does not take the pattern.
    fn fits(&self, path: &str) -> Option<bool> {
        let regex = RegexBuilder::new(&format!("^(?:{})$", self.pattern))
            .dot_matches_new_line(true)
            .size_limit(MAX_COMPILED)
            .nest_limit(MAX_NESTING)
            .build();
        Some(regex.ok()?.is_match(path))
    }

    fn verdict(&self) -> Verdict {
        if self.label == NONE {
            Verdict::Inherit
        } else {
            Verdict::Label(self.label.clone())
        }
    }
}

/// A pattern, the type of file if only one is meant, and a label.
fn parse(line: &str) -> Option<Spec> {
    let mut fields = line.split_ascii_whitespace();
    let pattern = fields.next().filter(|pattern| !pattern.starts_with('#'))?;
    let (second, third) = (fields.next()?, fields.next());
    let (kind, label) = match third {
        Some(label) => (Some(file_type(second)?), label),
        None => (None, second),
    };
    let is_short = pattern.len() <= MAX_FIELD && label.len() <= MAX_FIELD;
    is_short.then(|| Spec {
        pattern: pattern.into(),
        stem: stem(pattern),
        kind,
        label: label.into(),
    })
}

fn file_type(field: &str) -> Option<FileType> {
    Some(match field {
        "--" => FileType::RegularFile,
        "-d" => FileType::Directory,
        "-l" => FileType::Symlink,
        "-c" => FileType::CharacterDevice,
        "-b" => FileType::BlockDevice,
        "-p" => FileType::Fifo,
        "-s" => FileType::Socket,
        _ => return None,
    })
}

fn has_meta(pattern: &str) -> bool {
    let mut signs = pattern.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => drop(signs.next()),
            sign if META.contains(&sign) => return true,
            _ => {}
        }
    }
    false
}

/// The literal beginning of a pattern: of a literal path all of it.
fn stem(pattern: &str) -> String {
    let mut stem = String::with_capacity(pattern.len());
    let mut signs = pattern.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => match signs.next() {
                // An escaped letter or digit stands for more than itself.
                Some(sign) if !sign.is_ascii_alphanumeric() => stem.push(sign),
                _ => return stem,
            },
            // What comes before may be missing.
            '?' | '*' | '{' => {
                stem.pop();
                break;
            }
            sign if META.contains(&sign) => break,
            sign => stem.push(sign),
        }
    }
    if has_alternatives(pattern) {
        String::new()
    } else {
        stem
    }
}

/// Whether there is a `|` outside of all parentheses, so that a path may begin otherwise. A
/// bracket may hold anything: then it is better to look twice.
fn has_alternatives(pattern: &str) -> bool {
    let mut depth = 0_u32;
    let mut signs = pattern.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => drop(signs.next()),
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stem_is_what_every_path_begins_with() {
        for (pattern, expected) in [
            (r"/etc/shadow", "/etc/shadow"),
            (r"/etc/ssh/ssh_host.*_key(\.pub)?", "/etc/ssh/ssh_host"),
            (r"/etc/\.pwd\.lock", "/etc/.pwd.lock"),
            (r"/usr/s?bin", "/usr/"),
            (r"/var/a{2}", "/var/"),
            (r"/x\d", "/x"),
            (r"/a|/b", ""),
            (r"/(a|b)/c", "/"),
        ] {
            assert_eq!(stem(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn lines_that_say_nothing_are_left_out() {
        for line in ["", "# /a  x", "/a", "/a -x label", "  "] {
            assert_eq!(parse(line), None, "{line:?}");
        }
        assert_eq!(
            parse("/a\t--\tlabel").unwrap().kind,
            Some(FileType::RegularFile)
        );
        assert_eq!(parse("/a label").unwrap().kind, None);
    }

    #[test]
    fn a_pattern_that_is_not_understood_is_no_guess() {
        let mut specs = Specs::default();
        specs
            .add("/etc/.* l:etc\n/etc/(?=x).* l:ahead\n/usr/(?=x).* l:ahead\n")
            .unwrap();
        assert_eq!(
            specs.lookup("/etc/hosts", FileType::RegularFile),
            Verdict::Unknown
        );
        assert_eq!(
            specs.lookup("/var/x", FileType::RegularFile),
            Verdict::Inherit
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_table_makes_it_panic(table in r"(/[a-z.*+?(){}|\\\[\]^$/0-9]{0,30} x\n){0,8}", path in "/[a-z/]{0,20}") {
            let mut specs = Specs::default();
            let _ = specs.add(&table);
            let _ = specs.lookup(&path, FileType::RegularFile);
        }

        #[test]
        fn nested_repetitions_take_no_time(depth in 1_usize..12, count in 1_u32..1000) {
            let pattern = format!("/{}a{}", "(".repeat(depth), format!("){{{count}}}").repeat(depth));
            let mut specs = Specs::default();
            specs.add(&format!("{pattern} x\n/(a+)+b x\n")).unwrap();
            let _ = specs.lookup(&format!("/{}", "a".repeat(400)), FileType::RegularFile);
        }
    }
}
