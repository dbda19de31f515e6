//! Reads what counts here of the SSH server's configuration, sshd_config(5).
// SPDX-License-Identifier: BSD-2-Clause

mod conditions;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::glob;
use super::passwd::User;
use super::root::{FILE_LIMIT, Root, shown};
use crate::error::{Error, Result};
use conditions::Condition;

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

/// What the configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The files of all `HostKey` lines.
    pub host_keys: Vec<PathBuf>,
    /// The lines that count for accounts, in their order.
    lines: Vec<Line>,
}

/// A line that a user's login depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    /// What its `Match` block asks for, and the blocks around an `Include`; empty outside.
    conditions: Vec<Condition>,
    keyword: &'static str,
    values: Vec<Vec<u8>>,
}

/// The keywords of such lines.
const KEYS_FILE: &str = "authorizedkeysfile";
const PAM: &str = "usepam";
const ROOT_LOGIN: &str = "permitrootlogin";
const STRICT: &str = "strictmodes";
const BY_KEY: &str = "pubkeyauthentication";
const BY_PASSWORD: &str = "passwordauthentication";
const DENY_USERS: &str = "denyusers";
const ALLOW_USERS: &str = "allowusers";
const DENY_GROUPS: &str = "denygroups";
const ALLOW_GROUPS: &str = "allowgroups";

/// All of them.
const KNOWN: [&str; 10] = [
    KEYS_FILE,
    PAM,
    ROOT_LOGIN,
    STRICT,
    BY_KEY,
    BY_PASSWORD,
    DENY_USERS,
    ALLOW_USERS,
    DENY_GROUPS,
    ALLOW_GROUPS,
];

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
            reader.read(Path::new(file), 0, &[])?;
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
    fn read(&mut self, path: &Path, depth: usize, around: &[Condition]) -> Result<()> {
        self.files = self.files.saturating_add(1);
        if depth > MAX_DEPTH || self.files > MAX_FILES {
            return Err(Error::image(format!(
                "{} is included too deep or too many files are included by the SSH server's \
                 configuration",
                shown(path)
            )));
        }
        let content = self.root.read(path, FILE_LIMIT)?.unwrap_or_default();
        // A block ends with its file.
        let mut block = around.to_vec();
        for line in content.split(|byte| *byte == b'\n') {
            let Some((keyword, values)) = directive(line) else {
                continue;
            };
            match keyword.as_str() {
                "match" => block = [around, &conditions::parse(values)].concat(),
                "include" => self.include(values, depth, &block)?,
                "hostkey" if block.is_empty() => self.settings.host_keys.extend(
                    values
                        .into_iter()
                        .take(1)
                        .map(|value| Path::new("/").join(OsString::from_vec(value))),
                ),
                _ => self.keep(&block, &keyword, values),
            }
        }
        Ok(())
    }

    fn keep(&mut self, block: &[Condition], keyword: &str, values: Vec<Vec<u8>>) {
        let mut known = KNOWN.into_iter();
        if let Some(keyword) = known.find(|known| *known == keyword)
            && !values.is_empty()
        {
            self.settings.lines.push(Line {
                conditions: block.to_vec(),
                keyword,
                values,
            });
        }
    }

    fn include(
        &mut self,
        patterns: Vec<Vec<u8>>,
        depth: usize,
        around: &[Condition],
    ) -> Result<()> {
        for pattern in patterns {
            let pattern = Path::new(INCLUDE_DIRECTORY).join(OsString::from_vec(pattern));
            for file in glob::expand(self.root, &pattern)? {
                self.read(&file, depth.saturating_add(1), around)?;
            }
        }
        Ok(())
    }
}

impl Settings {
    /// The file that a user's keys go to: the first whose name can be made. `None` when the
    /// server reads no such file. The groups are those that the user is in.
    #[must_use]
    pub fn authorized_keys_file(&self, user: &User, groups: &[String]) -> Option<PathBuf> {
        let default = [DEFAULT_KEYS_FILE.to_vec()];
        let patterns = self.values(KEYS_FILE, user, groups).unwrap_or(&default);
        patterns.iter().find_map(|pattern| expanded(pattern, user))
    }

    /// Whether the server leaves it to PAM who may log in. Without PAM it lets no locked account
    /// in, not by a key either.
    #[must_use]
    pub fn uses_pam(&self, user: &User, groups: &[String]) -> bool {
        self.word(PAM, user, groups).as_deref() == Some("yes")
    }

    /// Whether the server looks who may write to the keys.
    #[must_use]
    pub fn is_strict(&self, user: &User, groups: &[String]) -> bool {
        self.word(STRICT, user, groups).as_deref() != Some("no")
    }

    /// Whether root may log in with a key.
    #[must_use]
    pub fn lets_root_in(&self, user: &User, groups: &[String]) -> bool {
        let word = self.word(ROOT_LOGIN, user, groups);
        !matches!(word.as_deref(), Some("no" | "forced-commands-only"))
    }

    /// The setting that keeps a user out who comes with a key, if one does.
    #[must_use]
    pub fn bars_keys(&self, user: &User, groups: &[String]) -> Option<&'static str> {
        if user.uid == 0 && !self.lets_root_in(user, groups) {
            return Some("PermitRootLogin");
        }
        if self.word(BY_KEY, user, groups).as_deref() == Some("no") {
            return Some("PubkeyAuthentication");
        }
        self.bars_account(user, groups)
    }

    /// The setting that keeps a user out who comes with a password, if one does.
    #[must_use]
    pub fn bars_passwords(&self, user: &User, groups: &[String]) -> Option<&'static str> {
        let root = self.word(ROOT_LOGIN, user, groups);
        if user.uid == 0 && root.is_some_and(|word| word != "yes") {
            return Some("PermitRootLogin");
        }
        if self.word(BY_PASSWORD, user, groups).as_deref() == Some("no") {
            return Some("PasswordAuthentication");
        }
        self.bars_account(user, groups)
    }

    /// The list that keeps a user out, in the order in which the server looks at them. A place
    /// behind `@` is not known before somebody logs in.
    fn bars_account(&self, user: &User, groups: &[String]) -> Option<&'static str> {
        let users = [user.name.clone()];
        let lists = [
            (DENY_USERS, "DenyUsers", &users[..], false),
            (ALLOW_USERS, "AllowUsers", &users[..], true),
            (DENY_GROUPS, "DenyGroups", groups, false),
            (ALLOW_GROUPS, "AllowGroups", groups, true),
        ];
        lists.into_iter().find_map(|(keyword, name, own, allows)| {
            let patterns = self.patterns(keyword, user, groups, allows)?;
            let mut verdicts = own
                .iter()
                .map(|name| conditions::listed(&patterns, name.as_bytes()));
            let is_listed = verdicts.any(|verdict| verdict == Some(true));
            (is_listed != allows).then_some(name)
        })
    }

    /// What all lines of a list say, separated by commas; `None`: there is none.
    fn patterns(
        &self,
        keyword: &str,
        user: &User,
        groups: &[String],
        with_places: bool,
    ) -> Option<Vec<u8>> {
        let is_theirs = |line: &&Line| {
            let mut conditions = line.conditions.iter();
            line.keyword == keyword && conditions.all(|one| one.holds(user, groups))
        };
        let mut lines = self.lines.iter().filter(is_theirs).peekable();
        lines.peek()?;
        let mut patterns = Vec::new();
        for value in lines.flat_map(|line| &line.values) {
            let mut parts = value.splitn(2, |byte| *byte == b'@');
            let name = parts.next().unwrap_or_default();
            if with_places || parts.next().is_none() {
                patterns.extend(name);
                patterns.push(b',');
            }
        }
        Some(patterns)
    }

    fn word(&self, keyword: &str, user: &User, groups: &[String]) -> Option<String> {
        let word = self.values(keyword, user, groups)?.first()?;
        Some(String::from_utf8_lossy(word).to_ascii_lowercase())
    }

    /// The first block that is the user's wins, then the first line outside all blocks.
    fn values(&self, keyword: &str, user: &User, groups: &[String]) -> Option<&[Vec<u8>]> {
        let lines = || self.lines.iter().filter(|line| line.keyword == keyword);
        let is_theirs = |line: &&Line| {
            let mut conditions = line.conditions.iter();
            !line.conditions.is_empty() && conditions.all(|one| one.holds(user, groups))
        };
        let found = lines().find(is_theirs);
        let found = found.or_else(|| lines().find(|line| line.conditions.is_empty()));
        found.map(|line| line.values.as_slice())
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
