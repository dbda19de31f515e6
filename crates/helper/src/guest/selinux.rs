//! Which SELinux label the image's own policy gives to a file (selabel_file(5)).
//!
//! Nothing of the image runs and no policy is loaded: the label is read from its
//! `file_contexts`, as setfiles(8) of the image would.
// SPDX-License-Identifier: BSD-2-Clause

mod specs;
mod subs;

use std::path::Path;

use rustix::fs::FileType;

use super::root::{FILE_LIMIT, Root};
use specs::Specs;
use subs::Subs;

/// Whether SELinux is used, and which policy (selinux_config(5)).
const CONFIG: &str = "/etc/selinux/config";
/// The most that is read of a table of labels, in bytes; Fedora's has half a megabyte.
const TABLE_LIMIT: u64 = 4 * 1024 * 1024;

/// What the policy says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its label.
    Label(String),
    /// Nothing: it gets what its directory has.
    Inherit,
    /// That cannot be found out here: the system has to label its files itself.
    Unknown,
}

/// The policy of an image that uses SELinux.
#[derive(Debug)]
pub struct Policy {
    /// `None`: there is no table that can be read.
    tables: Option<(Specs, Subs)>,
}

impl Policy {
    /// Reads the tables. `None`: the image does not use SELinux, or has it disabled.
    #[must_use]
    pub fn read(root: &Root) -> Option<Policy> {
        let config = root.read(CONFIG, FILE_LIMIT).ok().flatten()?;
        if setting(&config, "SELINUX").is_some_and(|value| value.eq_ignore_ascii_case("disabled")) {
            return None;
        }
        let kind = setting(&config, "SELINUXTYPE").unwrap_or_else(|| "targeted".into());
        let is_name = !kind.is_empty() && kind != ".." && !kind.contains('/');
        let tables = is_name.then(|| tables(root, &kind)).flatten();
        Some(Policy { tables })
    }

    /// The label of a file of this kind at this path of the image, `/` at its beginning.
    #[must_use]
    pub fn label(&self, path: &Path, kind: FileType) -> Verdict {
        let (Some((specs, subs)), Some(path)) = (&self.tables, path.to_str()) else {
            return Verdict::Unknown;
        };
        specs.lookup(&subs.apply(path), kind)
    }
}

/// All tables of one policy. Those behind the first may be missing.
fn tables(root: &Root, kind: &str) -> Option<(Specs, Subs)> {
    let base = format!("/etc/selinux/{kind}/contexts/files/file_contexts");
    let table = |suffix: &str| {
        let path = format!("{base}{suffix}");
        root.read(path, TABLE_LIMIT)
            .map(|content| content.map(|content| String::from_utf8_lossy(&content).into_owned()))
    };
    let mut specs = Specs::default();
    specs.add(&table("").ok()??)?;
    for suffix in [".homedirs", ".local"] {
        specs.add(&table(suffix).ok()?.unwrap_or_default())?;
    }
    let [own, distribution] = [".subs", ".subs_dist"].map(table);
    let subs = Subs::new(
        &own.ok()?.unwrap_or_default(),
        &distribution.ok()?.unwrap_or_default(),
    );
    Some((specs, subs))
}

/// The value of the last assignment to a name.
fn setting(config: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(config);
    let mut values = text.lines().filter_map(|line| {
        let value = line
            .trim_start()
            .strip_prefix(name)?
            .trim_start()
            .strip_prefix('=')?;
        Some(value.trim().to_owned())
    });
    values.next_back()
}

#[cfg(test)]
mod tests;
