//! Lists of digests as distributions publish them, and which of their lines is an image's.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeSet;

use crate::digest::{Algorithm, Digest};

/// The largest list, in bytes: some thousand lines.
pub const LARGEST_LIST: usize = 1 << 20;

/// How many names of a list a message quotes.
const QUOTED: usize = 5;

/// The longest quoted name, in characters.
const LONGEST_QUOTED: usize = 80;

const BEGIN_SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";

/// The digests of a list such as SHA256SUMS. A list is text that anybody may have written.
///
/// Understood are the lines of coreutils (`HEX  name`, `HEX *name`), those with a tag
/// (`SHA256 (name) = HEX`), and a lone `HEX`, alone or inside a clear-signed OpenPGP message
/// (RFC 9580, 7). All other lines mean nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestList(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    digest: Digest,
    /// As it stands there; a lone digest has none.
    name: Option<String>,
}

/// Why a list does not tell the digest of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// No line of it is one of a list of digests.
    #[error("it holds no digest: lines look like HEX  NAME or SHA256 (NAME) = HEX")]
    Empty,
    /// It is about other files.
    #[error("it holds no digest of {name:?}, only of {listed}")]
    Missing {
        /// The file name that was looked for.
        name: String,
        /// Some of the names in it.
        listed: String,
    },
    /// Several lines are about files of this name, and they differ.
    #[error("it holds several digests of {name:?}: {found}")]
    Ambiguous {
        /// The file name that was looked for.
        name: String,
        /// Some of the lines.
        found: String,
    },
}

impl DigestList {
    /// Reads a list.
    ///
    /// # Errors
    /// When there is no digest in it.
    pub fn parse(bytes: &[u8]) -> Result<Self, ListError> {
        let text = String::from_utf8_lossy(bytes);
        let entries: Vec<_> = signed_part(&text).filter_map(Entry::parse).collect();
        if entries.is_empty() {
            return Err(ListError::Empty);
        }
        Ok(DigestList(entries))
    }

    /// The digest of the file of this name, whatever directory the list has it in. Of several
    /// kinds of digests the strongest.
    ///
    /// # Errors
    /// When there is none, or there are several that differ.
    pub fn find(&self, name: &str) -> Result<Digest, ListError> {
        if let [only] = self.0.as_slice()
            && only.is_nameless()
        {
            return Ok(only.digest.clone());
        }
        let all = || (self.0.iter()).filter(|entry| entry.file_name() == Some(name));
        // The longer a digest of these algorithms, the harder it is to forge.
        let strength = |entry: &&Entry| entry.digest.algorithm().digits();
        let Some(best) = all().map(|entry| strength(&entry)).max() else {
            let listed = self.0.iter().filter_map(|entry| entry.name.as_deref());
            return Err(ListError::Missing {
                name: shortened(name),
                listed: quote(listed),
            });
        };
        let best = || all().filter(|entry| strength(entry) == best);
        // What is listed by its bare name is meant before a namesake in some directory.
        let exact = || best().filter(|entry| entry.name.as_deref() == Some(name));
        let digests: BTreeSet<_> = match exact().next() {
            Some(_) => exact().map(|entry| entry.digest.hex()).collect(),
            None => best().map(|entry| entry.digest.hex()).collect(),
        };
        match best().find(|entry| digests.contains(entry.digest.hex())) {
            Some(entry) if digests.len() == 1 => Ok(entry.digest.clone()),
            _ => Err(ListError::Ambiguous {
                name: shortened(name),
                found: quote(best().filter_map(|entry| entry.name.as_deref())),
            }),
        }
    }
}

/// Whether it is a clear-signed OpenPGP message.
pub(super) fn is_clear_signed(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes)
        .lines()
        .any(|line| line.trim_end() == BEGIN_SIGNED)
}

/// The lines of the message without what OpenPGP puts around them; all lines where it does not.
fn signed_part(text: &str) -> Box<dyn Iterator<Item = &str> + '_> {
    let mut lines = text.lines();
    if !lines.any(|line| line.trim_end() == BEGIN_SIGNED) {
        return Box::new(text.lines());
    }
    // Behind the headers is an empty line.
    let message = lines.skip_while(|line| !line.trim().is_empty());
    let message = message.take_while(|line| line.trim_end() != BEGIN_SIGNATURE);
    Box::new(message.map(|line| line.strip_prefix("- ").unwrap_or(line)))
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim_end_matches(['\r', '\n']);
        // Of a line that begins so, coreutils have escaped the name.
        let (line, is_escaped) = match line.strip_prefix('\\') {
            Some(rest) => (rest, true),
            None => (line, false),
        };
        let (digest, name) = tagged(line).or_else(|| plain(line))?;
        let name = name.map(|name| {
            if is_escaped {
                unescape(name)
            } else {
                name.into()
            }
        });
        Some(Entry { digest, name })
    }

    fn is_nameless(&self) -> bool {
        // What came through a pipe is called "-".
        self.name.as_deref().is_none_or(|name| name == "-")
    }

    fn file_name(&self) -> Option<&str> {
        self.name.as_deref()?.rsplit('/').next()
    }
}

/// Reads `SHA256 (name) = HEX`.
fn tagged(line: &str) -> Option<(Digest, Option<&str>)> {
    let (tag, rest) = line.split_once(" (")?;
    let algorithm = Algorithm::named(&tag.trim_start().replace('-', ""))?;
    let (name, hex) = rest.rsplit_once(") = ")?;
    Some((Digest::new(algorithm, hex.trim_end()).ok()?, Some(name)))
}

/// Reads `HEX  name`, `HEX *name`, `HEX name`, `HEX`.
fn plain(line: &str) -> Option<(Digest, Option<&str>)> {
    let (hex, rest) = match line.split_once(' ') {
        Some((hex, rest)) => (hex, Some(rest)),
        None => (line.trim_end(), None),
    };
    let algorithm = Algorithm::of_length(hex.len())?;
    let digest = Digest::new(algorithm, hex).ok()?;
    let name = rest.map(|rest| rest.strip_prefix([' ', '*']).unwrap_or(rest));
    Some((digest, name.filter(|name| !name.trim().is_empty())))
}

/// Undoes coreutils' escaping of line ends and backslashes.
fn unescape(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut signs = name.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => plain.extend(match signs.next() {
                Some('n') => Some('\n'),
                Some('r') => Some('\r'),
                other => other,
            }),
            sign => plain.push(sign),
        }
    }
    plain
}

fn quote<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names = names.map(|name| format!("{:?}", shortened(name)));
    let mut quoted: Vec<_> = names.by_ref().take(QUOTED).collect();
    let more = names.count();
    match (quoted.is_empty(), more) {
        (true, _) => "files without a name".into(),
        (false, 0) => quoted.join(", "),
        (false, more) => {
            quoted.push(format!("{more} more"));
            quoted.join(", ")
        }
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(LONGEST_QUOTED).collect()
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
