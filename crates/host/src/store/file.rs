//! The files of STORES_DIR: found, held against what a secret needs, and read.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use snf_image_protocol::Secret;

use super::StoreError;
use crate::shell_syntax::parse;
use crate::source::Url;

/// The largest file of a store, in bytes.
const LARGEST: u64 = 64 << 10;

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    S3,
    Swift,
    Oci,
}

impl Kind {
    /// How the names of its files end.
    fn ending(self) -> &'static str {
        match self {
            Kind::S3 => "s3",
            Kind::Swift => "swift",
            Kind::Oci => "oci",
        }
    }

    /// The variable that lists what a file speaks of, and the word for one of those.
    fn list(self) -> (&'static str, &'static str) {
        match self {
            Kind::S3 => ("BUCKETS", "bucket"),
            Kind::Swift => ("CONTAINERS", "container"),
            Kind::Oci => ("REPOSITORIES", "repository"),
        }
    }
}

/// What one file says.
#[derive(Debug)]
pub(super) struct Entries {
    values: BTreeMap<String, Secret>,
}

/// What is made of the first file in `directory`, in the order of their names, that lists `wanted`;
/// otherwise of the first that lists `*`.
pub(super) fn find<T>(
    directory: &Path,
    kind: Kind,
    wanted: &str,
    make: impl Fn(&Entries) -> Result<T, String>,
) -> Result<T, StoreError> {
    let (list, word) = kind.list();
    let mut any = None;
    for (path, entries) in all(directory, kind)? {
        let wrong = |reason| StoreError::Content {
            path: path.clone(),
            reason,
        };
        let listed = entries.required(list).map_err(wrong)?;
        let mut listed = listed.split_whitespace();
        if listed.clone().any(|name| name == wanted) {
            return make(&entries).map_err(wrong);
        }
        if any.is_none() && listed.any(|name| name == "*") {
            any = Some(make(&entries).map_err(wrong)?);
        }
    }
    any.ok_or_else(|| StoreError::Unknown {
        what: format!("{word} {wanted}"),
        ending: kind.ending(),
        list,
        directory: directory.into(),
    })
}

/// What the files of a kind say, in the order of their names.
pub(super) fn all(directory: &Path, kind: Kind) -> Result<Vec<(PathBuf, Entries)>, StoreError> {
    let paths = paths(directory, kind.ending())?;
    let read = |path: PathBuf| match Entries::parse(&read(&path)?) {
        Ok(entries) => Ok((path, entries)),
        Err(reason) => Err(StoreError::Content { path, reason }),
    };
    paths.into_iter().map(read).collect()
}

fn paths(directory: &Path, ending: &str) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |error| StoreError::Read {
        path: directory.into(),
        error,
    };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|found| found == ending) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The text of a file that nobody but root, or this user, can read or change.
fn read(path: &Path) -> Result<Secret, StoreError> {
    let failed = |error| StoreError::Read {
        path: path.into(),
        error,
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is not a regular file")));
    }
    let me = rustix::process::geteuid().as_raw();
    if metadata.mode() & 0o077 != 0 || ![0, me].contains(&metadata.uid()) {
        return Err(StoreError::Exposed(path.into()));
    }
    let mut text = String::new();
    let mut limited = file.take(LARGEST.saturating_add(1));
    let count = limited.read_to_string(&mut text).map_err(failed)?;
    if u64::try_from(count).is_ok_and(|count| count <= LARGEST) {
        Ok(Secret::new(text))
    } else {
        Err(failed(io::Error::other("it is larger than 64 KiB")))
    }
}

impl Entries {
    pub(super) fn parse(text: &Secret) -> Result<Self, String> {
        // The parser's own words could quote a part of a secret.
        let assignments = parse(text.expose()).map_err(|fault| {
            format!(
                "line {} is not NAME='value' in the shell's syntax",
                fault.line
            )
        })?;
        let values = (assignments.into_iter())
            .map(|assignment| (assignment.name, Secret::new(assignment.value)));
        Ok(Entries {
            values: values.collect(),
        })
    }

    /// The value of a variable, where it has one.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        (self.values.get(name))
            .map(Secret::expose)
            .filter(|value| !value.is_empty())
    }

    /// The value of a variable that is a secret.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        self.get(name).map(|value| Secret::new(value.into()))
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, String> {
        self.get(name).ok_or_else(|| format!("{name} is missing"))
    }

    /// The value of a switch.
    pub(super) fn is_on(&self, name: &str, otherwise: bool) -> Result<bool, String> {
        match self.get(name) {
            None => Ok(otherwise),
            Some("yes") => Ok(true),
            Some("no") => Ok(false),
            Some(_) => Err(format!("{name} is yes or no")),
        }
    }

    /// The value of a variable that is the URL of a service: with nothing secret in it.
    pub(super) fn service(&self, name: &str) -> Result<Option<String>, String> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let is_plain = |url: &Url| {
            matches!(url.scheme(), "http" | "https") && !url.expose().contains(['@', '?'])
        };
        match Url::parse(value) {
            Ok(url) if is_plain(&url) => Ok(Some(url.expose().into())),
            _ => Err(format!(
                "{name} is a URL with http or https, without a user or a query"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        }
        folder
    }

    fn found(folder: &TempDir, bucket: &str) -> Result<String, String> {
        let make = |entries: &Entries| entries.required("NAME").map(str::to_owned);
        find(folder.path(), Kind::S3, bucket, make).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bucket_is_looked_for_by_its_name_first() {
        let folder = folder(&[
            ("all.s3", "BUCKETS='*'\nNAME=all\n"),
            ("more.s3", "BUCKETS='one two'\nNAME=more\n"),
            ("rest.s3", "BUCKETS='two'\nNAME=rest\n"),
            ("other.swift", "nothing"),
        ]);
        assert_eq!(found(&folder, "one").unwrap(), "more");
        assert_eq!(found(&folder, "two").unwrap(), "more");
        assert_eq!(found(&folder, "three").unwrap(), "all");
    }

    #[test]
    fn what_no_file_lists_is_refused() {
        let folder = folder(&[("more.s3", "BUCKETS='one two'\nNAME=more\n")]);
        let reason = found(&folder, "three").unwrap_err();
        assert!(reason.contains("*.s3") && reason.contains("bucket three"));
        let nowhere = Path::new("/nonexistent");
        assert!(find(nowhere, Kind::S3, "one", |_| Ok(())).is_err());
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = folder(&[("more.s3", "BUCKETS='*'\nNAME=hunter2\n")]);
        for mode in [0o640, 0o604, 0o620] {
            let path = folder.path().join("more.s3");
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            let reason = found(&folder, "one").unwrap_err();
            assert!(reason.contains("chmod 600"), "{reason}");
        }
    }

    #[test]
    fn a_fault_in_a_file_quotes_nothing_of_it() {
        for text in [
            "BUCKETS=*\nNAME=\"$hunter2\"\n",
            "BUCKETS=*\nNAME=a; hunter2\n",
            "BUCKETS=*\nhunter2\n",
            "NAME=hunter2\n",
            "BUCKETS=*\nNAM=hunter2\n",
        ] {
            let reason = found(&folder(&[("a.s3", text)]), "one").unwrap_err();
            assert!(!reason.contains("hunter2"), "{reason}");
        }
    }
}
