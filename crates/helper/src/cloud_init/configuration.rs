//! The little that must be known of cloud-init's own configuration.
//!
//! Its files are YAML, of which only the forms are read in which distributions and clouds write
//! these few keys. What is written otherwise counts as not said.
// SPDX-License-Identifier: BSD-2-Clause

use crate::error::Result;
use crate::guest::root::{FILE_LIMIT, Root};
use crate::network::plan::is_ours;

/// The main file.
pub(super) const MAIN: &str = "/etc/cloud/cloud.cfg";

/// More files, of which a later one wins.
const DIRECTORY: &str = crate::network::cloud_init::DIRECTORY;

/// The files of the image, the one that wins last. What comes from here is none of them.
pub(super) struct Configuration(Vec<String>);

impl Configuration {
    /// Reads all files.
    ///
    /// # Errors
    /// When one cannot be read or is too large.
    pub(super) fn read(root: &Root) -> Result<Self> {
        let mut paths = vec![MAIN.to_owned()];
        if root.is_directory(DIRECTORY) {
            let names = root.list(DIRECTORY)?;
            let names = names.iter().filter_map(|name| name.to_str());
            let names = names.filter(|name| name.ends_with(".cfg"));
            paths.extend(names.map(|name| format!("{DIRECTORY}/{name}")));
        }
        let mut files = Vec::new();
        for path in paths {
            if root.is_directory(&path) {
                continue;
            }
            let content = root.read(&path, FILE_LIMIT)?.unwrap_or_default();
            if !is_ours(&content) {
                files.push(String::from_utf8_lossy(&content).into_owned());
            }
        }
        Ok(Configuration(files))
    }

    /// The items of a list at the top, by the last file that has it.
    pub(super) fn list(&self, key: &str) -> Option<Vec<&str>> {
        self.last(key).map(|(inline, block)| {
            let inline = inline.trim_matches(['[', ']', ' ']).split(',');
            let inline = inline.map(bare).filter(|item| !item.is_empty());
            let block = block
                .iter()
                .filter_map(|line| line.trim().strip_prefix("- "));
            inline.chain(block.map(bare)).collect()
        })
    }

    /// Whether any file has a key at the top.
    pub(super) fn has(&self, key: &str) -> bool {
        self.last(key).is_some()
    }

    /// The name of `default_user` in `system_info`, by the last file that has one.
    pub(super) fn default_user(&self) -> Option<&str> {
        let mut names = self.0.iter().rev().filter_map(|file| {
            let mut lines = uncommented(file);
            let above = lines.find(|line| line.trim() == "default_user:")?;
            let mut inside = lines.take_while(|line| indent(line) > indent(above));
            inside.find_map(|line| Some(bare(line.trim().strip_prefix("name:")?)))
        });
        names.next().filter(|name| !name.is_empty())
    }

    /// What stands behind a key at the top, and the lines below it.
    fn last(&self, key: &str) -> Option<(&str, Vec<&str>)> {
        let mut found = self.0.iter().rev().filter_map(|file| {
            let mut lines = uncommented(file);
            let inline = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
            let block = lines.take_while(|line| indent(line) > 0 || line.starts_with("- "));
            Some((inline.trim(), block.collect()))
        });
        found.next()
    }
}

/// The lines that say something, without comments behind them.
fn uncommented(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(|line| match line.find(" #") {
        Some(at) => line.get(..at).unwrap_or(line),
        None => line,
    });
    lines.filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A scalar without quotes around it.
fn bare(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[&str]) -> Configuration {
        Configuration(files.iter().map(|file| (*file).to_owned()).collect())
    }

    #[test]
    fn the_last_file_that_says_something_counts() {
        let main = "# comment\nusers:\n   - default\n\nsystem_info:\n   distro: debian\n   \
                    default_user:\n     name: debian # the one\n     lock_passwd: True\n   paths:\n      \
                    name: other\n";
        let both = of(&[main, "datasource_list: [ NoCloud, \"None\" ]\n"]);
        assert_eq!(both.list("users").unwrap(), ["default"]);
        assert_eq!(both.list("datasource_list").unwrap(), ["NoCloud", "None"]);
        assert_eq!(both.default_user(), Some("debian"));
        assert!(!both.has("network") && !both.has("data"));
        let more = of(&[
            main,
            "datasource_list:\n- None\nnetwork: {config: disabled}\n",
        ]);
        assert_eq!(more.list("datasource_list").unwrap(), ["None"]);
        assert!(more.has("network"));
        let named = of(&[
            main,
            "system_info:\n  default_user:\n    gecos: x\n    name: 'me'\n",
        ]);
        assert_eq!(named.default_user(), Some("me"));
    }

    #[test]
    fn other_forms_say_nothing() {
        let odd = of(&[
            "users: {a: b}\n",
            "\tnetwork:\n",
            "\"network\": x\n",
            "default_user: {name: x}",
        ]);
        assert_eq!(odd.list("users").unwrap().len(), 1);
        assert!(!odd.has("network"));
        assert_eq!(odd.default_user(), None);
        assert_eq!(of(&["default_user:\nname: x\n"]).default_user(), None);
        assert_eq!(of(&[]).list("users"), None);
    }
}
