//! Reads what counts here of the SSH server's configuration, sshd_config(5).
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::glob;
use super::passwd::User;
use super::root::{FILE_LIMIT, Root, shown};
use crate::error::{Error, Result};

/// Where the configuration stands: the usual place, then that of systems that keep their
/// own settings apart from the administrator's.
const FILES: [&str; 2] = ["/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"];

/// Where relative names in `Include` are looked for.
const INCLUDE_DIRECTORY: &str = "/etc/ssh";

/// How deep files may include others: `SERVCONF_MAX_DEPTH` of OpenSSH.
const MAX_DEPTH: usize = 16;

/// The most files that are read in all.
const MAX_FILES: usize = 256;

/// What holds without any `AuthorizedKeysFile` line; the first of sshd's two.
const DEFAULT_KEYS_FILE: &[u8] = b".ssh/authorized_keys";

/// What the configuration says outside `Match` blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The files of all `HostKey` lines.
    pub host_keys: Vec<PathBuf>,
    /// The patterns of the first `AuthorizedKeysFile` line; empty without one.
    pub authorized_keys_files: Vec<Vec<u8>>,
}

/// Reads the configuration with all files that it includes; `None` when there is none.
///
/// # Errors
/// When a file cannot be read, or when files include others too deep or too often.
pub fn read(root: &Root) -> Result<Option<Settings>> {
    for file in FILES {
        if root.exists(file) {
            let mut reader = Reader {
                root,
                files: 0,
                settings: Settings::default(),
            };
            reader.read(Path::new(file), 0)?;
            return Ok(Some(reader.settings));
        }
    }
    Ok(None)
}

struct Reader<'root> {
    root: &'root Root,
    files: usize,
    settings: Settings,
}

impl Reader<'_> {
    fn read(&mut self, path: &Path, depth: usize) -> Result<()> {
        self.files = self.files.saturating_add(1);
        if depth > MAX_DEPTH || self.files > MAX_FILES {
            return Err(Error::image(format!(
                "{} is included too deep or too many files are included by the SSH server's \
                 configuration",
                shown(path)
            )));
        }
        let content = self.root.read(path, FILE_LIMIT)?.unwrap_or_default();
        for line in content.split(|byte| *byte == b'\n') {
            let Some((keyword, values)) = directive(line) else {
                continue;
            };
            match keyword.as_str() {
                "match" => break,
                "include" => self.include(values, depth)?,
                "hostkey" => self.settings.host_keys.extend(
                    values
                        .into_iter()
                        .take(1)
                        .map(|value| Path::new("/").join(OsString::from_vec(value))),
                ),
                // As for most keywords the first value counts.
                "authorizedkeysfile" if self.settings.authorized_keys_files.is_empty() => {
                    self.settings.authorized_keys_files = values;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn include(&mut self, patterns: Vec<Vec<u8>>, depth: usize) -> Result<()> {
        for pattern in patterns {
            let pattern = Path::new(INCLUDE_DIRECTORY).join(OsString::from_vec(pattern));
            for file in glob::expand(self.root, &pattern)? {
                self.read(&file, depth.saturating_add(1))?;
            }
        }
        Ok(())
    }
}

impl Settings {
    /// The file that a user's keys go to: the first whose name can be made. `None` when the
    /// server reads no such file.
    #[must_use]
    pub fn authorized_keys_file(&self, user: &User) -> Option<PathBuf> {
        let default = [DEFAULT_KEYS_FILE.to_vec()];
        let patterns = match self.authorized_keys_files.as_slice() {
            [] => &default,
            patterns => patterns,
        };
        patterns.iter().find_map(|pattern| expanded(pattern, user))
    }
}

/// Replaces `%%`, `%h`, `%u` and `%U`; a relative name is one in the home directory. `None`
/// for `none` and for other tokens.
fn expanded(pattern: &[u8], user: &User) -> Option<PathBuf> {
    if pattern.is_empty() || pattern.eq_ignore_ascii_case(b"none") {
        return None;
    }
    let mut path = Vec::with_capacity(pattern.len());
    let mut bytes = pattern.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'%' {
            path.push(*byte);
            continue;
        }
        match bytes.next()? {
            b'%' => path.push(b'%'),
            b'h' => path.extend(user.home.as_os_str().as_encoded_bytes()),
            b'u' => path.extend(user.name.as_bytes()),
            b'U' => path.extend(user.uid.to_string().as_bytes()),
            _ => return None,
        }
    }
    Some(user.home.join(OsString::from_vec(path)))
}

/// The keyword of a line in lower case, and its values; `None` for comments, empty lines
/// and lines with a quote that is never closed.
#[must_use]
pub fn directive(line: &[u8]) -> Option<(String, Vec<Vec<u8>>)> {
    let line = line.trim_ascii();
    let end = line
        .iter()
        .position(|byte| byte.is_ascii_whitespace() || *byte == b'=')
        .unwrap_or(line.len());
    let (keyword, rest) = line.split_at_checked(end)?;
    if keyword.is_empty() || keyword.starts_with(b"#") {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let rest = rest.strip_prefix(b"=").unwrap_or(rest);
    let keyword = String::from_utf8_lossy(keyword).to_ascii_lowercase();
    Some((keyword, words(rest)?))
}

/// Splits at blanks, takes quotes off and stops at a comment.
fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut bytes = line.iter().copied().peekable();
    loop {
        while bytes.next_if(u8::is_ascii_whitespace).is_some() {}
        if bytes.peek().is_none_or(|byte| *byte == b'#') {
            return Some(words);
        }
        let mut word = Vec::new();
        let mut quote = None;
        while let Some(byte) = bytes.next_if(|byte| quote.is_some() || !byte.is_ascii_whitespace())
        {
            match (quote, byte) {
                (None, b'"' | b'\'') => quote = Some(byte),
                (Some(open), _) if open == byte => quote = None,
                (_, b'\\') => {
                    let escaped = bytes.next_if(|next| matches!(next, b'"' | b'\'' | b'\\'));
                    word.push(escaped.unwrap_or(byte));
                }
                _ => word.push(byte),
            }
        }
        if quote.is_some() {
            return None;
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests;
