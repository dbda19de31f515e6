//! The directory of tasks: what is in it, in which order, and what each entry runs.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use snf_image_protocol::Task;

use crate::error::{Doing, Error, Result};

/// A link to a file of this name is a built-in task.
const PROGRAM: &str = "snf-image-helper";

/// One task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its file name, for example `50AssignHostname`.
    pub(super) file_name: String,
    /// Its name without the number.
    pub(super) name: String,
    /// What is run.
    pub(super) runs: Runs,
}

/// What a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Runs {
    /// A task of the helper.
    BuiltIn(Task),
    /// An executable that the administrator put there.
    External(PathBuf),
}

/// The tasks of a directory in the order of their bytes. Names with anything else than
/// letters, digits, underscores and hyphens are left out, and so is what is not executable.
///
/// # Errors
/// When the directory cannot be read or a link leads nowhere or to no task.
pub(super) fn list(directory: &Path) -> Result<Vec<Entry>> {
    let reading = || format!("reading the tasks in {}", directory.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).doing(reading)? {
        let name = entry.doing(reading)?.file_name().into_string();
        names.extend(name.ok().filter(|name| is_task_name(name)));
    }
    names.sort();
    let entries = names.into_iter().map(|name| classify(directory, name));
    entries.filter_map(Result::transpose).collect()
}

fn classify(directory: &Path, file_name: String) -> Result<Option<Entry>> {
    let path = directory.join(&file_name);
    let runs = match fs::read_link(&path) {
        Ok(target) if target.ends_with(PROGRAM) => match Task::from_entry(&file_name) {
            Some(task) => Runs::BuiltIn(task),
            None => {
                return Err(Error::image(format!(
                    "{} is no task of this release of the helper: remove the link",
                    path.display()
                )));
            }
        },
        _ => {
            let found = fs::metadata(&path).doing(|| format!("looking at {}", path.display()))?;
            if !found.is_file() || found.permissions().mode() & 0o111 == 0 {
                return Ok(None);
            }
            Runs::External(path)
        }
    };
    let name = file_name.trim_start_matches(|sign: char| sign.is_ascii_digit());
    let name = if name.is_empty() { &file_name } else { name };
    Ok(Some(Entry {
        name: name.into(),
        file_name,
        runs,
    }))
}

fn is_task_name(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn directory(links: &[&str], files: &[(&str, u32)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for link in links {
            symlink("../../../bin/snf-image-helper", directory.path().join(link)).unwrap();
        }
        for (file, mode) in files {
            let path = directory.path().join(file);
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
        }
        directory
    }

    fn names(directory: &tempfile::TempDir) -> Vec<String> {
        let entries = list(directory.path()).unwrap();
        entries.into_iter().map(|entry| entry.file_name).collect()
    }

    #[test]
    fn tasks_run_in_the_order_of_their_bytes() {
        let directory = directory(
            &["80UmountImage", "10FixPartitionTable", "50AssignHostname"],
            &[("50a", 0o755), ("50Z_own-task", 0o755)],
        );
        assert_eq!(
            names(&directory),
            [
                "10FixPartitionTable",
                "50AssignHostname",
                "50Z_own-task",
                "50a",
                "80UmountImage"
            ]
        );
        let entries = list(directory.path()).unwrap();
        assert_eq!(entries[1].runs, Runs::BuiltIn(Task::AssignHostname));
        assert_eq!(entries[1].name, "AssignHostname");
        assert!(matches!(entries[2].runs, Runs::External(_)));
    }

    #[test]
    fn backups_and_files_that_are_not_executable_are_left_out() {
        let directory = directory(&[], &[("10a.bak", 0o755), ("20b~", 0o755), ("30c", 0o644)]);
        fs::create_dir(directory.path().join("40d")).unwrap();
        assert!(names(&directory).is_empty());
    }

    #[test]
    fn a_link_to_a_task_that_does_not_exist_is_an_error() {
        let unknown = directory(&["50MakeCoffee"], &[]);
        assert!(
            list(unknown.path())
                .unwrap_err()
                .to_string()
                .contains("no task")
        );
        let dangling = directory(&[], &[]);
        symlink("/nowhere", dangling.path().join("50x")).unwrap();
        assert!(list(dangling.path()).is_err());
    }
}
