//! Finds what a command has left behind: processes, loop devices, mounts and files.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::{command_line, descendants};
use crate::tool::Tool;

/// Watches everything that has to do with one directory, and this process's descendants:
/// from here on, whoever loses its parent becomes a child of this process.
#[derive(Debug)]
pub struct Watch {
    directory: PathBuf,
    before: Vec<String>,
}

impl Watch {
    /// Begins to watch. `directory` holds the disks of the test and, as TMPDIR, whatever the
    /// command keeps for a while.
    ///
    /// # Errors
    /// When the system gives no answer.
    pub fn begin(directory: &Path) -> Result<Self> {
        // Only whether the argument is there counts; what it is does not.
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .context("becoming the parent of orphans")?;
        Ok(Watch {
            directory: directory.to_owned(),
            before: seen(directory)?,
        })
    }

    /// What is there now and was not there before, one line each; empty when all is well.
    ///
    /// # Errors
    /// When the system gives no answer.
    pub fn leftovers(&self) -> Result<Vec<String>> {
        let mut now = seen(&self.directory)?;
        now.retain(|thing| !self.before.contains(thing));
        Ok(now)
    }
}

fn seen(directory: &Path) -> Result<Vec<String>> {
    let mut seen = Vec::new();
    for pid in descendants(std::process::id()) {
        // A process without arguments has ended and only waits to be counted.
        let line = command_line(pid).join(" ");
        if !line.is_empty() {
            seen.push(format!("process {pid}: {line}"));
        }
    }
    let name = directory.to_str().context("a path that is not UTF-8")?;
    let loops = Tool::new("losetup")
        .args(["--list", "--noheadings"])
        .run()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    for (kind, text) in [("loop device", loops), ("mount", mounts)] {
        let ours = text.lines().filter(|line| line.contains(name));
        seen.extend(ours.map(|line| format!("{kind}: {line}")));
    }
    files(directory, &mut seen)?;
    Ok(seen)
}

fn files(directory: &Path, seen: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        seen.push(format!("file: {}", entry.path().display()));
        if entry.file_type()?.is_dir() {
            files(&entry.path(), seen)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn an_orphan_and_a_file_are_found() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("disk"), "").unwrap();
        let watch = Watch::begin(directory.path()).unwrap();
        assert!(watch.leftovers().unwrap().is_empty());

        let output = Command::new("sh")
            .args(["-c", "sleep 60 >/dev/null 2>&1 & echo $!"])
            .output()
            .unwrap();
        fs::write(directory.path().join("forgotten"), "").unwrap();
        let found = watch.leftovers().unwrap().join("\n");
        assert!(
            found.contains("sleep 60") && found.contains("forgotten"),
            "{found}"
        );
        assert!(!found.contains("disk"), "{found}");

        let pid = String::from_utf8(output.stdout).unwrap();
        Tool::new("kill").arg(pid.trim()).run().unwrap();
    }
}
